"""One setting: a field of a frozen dataclass, with what the reader of config.toml and its documentation know of it."""

from __future__ import annotations

from dataclasses import field
from typing import Any


def setting(default: Any, help_: str, **metadata: Any) -> Any:
    """Declare a field: its default, what it is for, and what the reader checks (`agent.config.schema`)."""
    return field(default=default, metadata={"help": help_, **metadata})

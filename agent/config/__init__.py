"""config.toml, and what lies over it, as one frozen object.

Each room declares its own settings; their names in `Config` are the sections of the file. What a command needs that
asks the running agent is a part of it (`agent.config.part`), so the whole with all those rooms is loaded when it is
first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agent.config.loading import (
        doubts,
        load,
        load_for_box,
        load_for_calls,
        load_for_switchboard,
        load_to_check,
        origins,
    )
    from agent.config.sections import Config, DoorSection

__all__ = [
    "Config", "DoorSection", "doubts", "load", "load_for_box", "load_for_calls", "load_for_switchboard",
    "load_to_check", "origins",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Load what reads the whole."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = "agent.config.sections" if name in ("Config", "DoorSection") else "agent.config.loading"
    return getattr(importlib.import_module(home), name)

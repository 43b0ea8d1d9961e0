"""An agent that turns a small computer with a speaker, a microphone, buttons and lights into a phone."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from agent.program import VERSION as __version__

if TYPE_CHECKING:
    from agent.voice.connection import Connection
    from agent.voice.device import Device

__all__ = ["Connection", "Device", "__version__"]

_HOMES = {"Connection": "agent.voice.connection", "Device": "agent.voice.device"}


def __getattr__(name: str) -> Any:
    """Load the public classes when they are first asked for: the command line needs neither for `--help`."""
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""An agent that turns a small computer with a speaker, a microphone, buttons and lights into a phone."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from agent.program import VERSION as __version__

if TYPE_CHECKING:
    from agent.voice.connection import Connection
    from agent.voice.connection import Connection as Call
    from agent.voice.device import Device

__all__ = ["Call", "Connection", "Device", "__version__"]

_HOMES = {
    "Call": ("agent.voice.connection", "Connection"),  # its name in the SDK 2.x
    "Connection": ("agent.voice.connection", "Connection"),
    "Device": ("agent.voice.device", "Device"),
}


def __getattr__(name: str) -> Any:
    """Load the public classes when they are first asked for: the command line needs neither for `--help`."""
    if name in _HOMES:
        home, its_name = _HOMES[name]
        return getattr(importlib.import_module(home), its_name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Keeps loaded what ALSA's plugins bring along, for as long as the process lives.

PortAudio asks ALSA for every device that its settings name, and with each list ALSA loads its plugins and unloads them
again. That for AC3 brings half a desktop with it, and two of those libraries lose memory each time they are loaded: a
box whose card is absent lost 12 kB with each look for it.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress

_LOSING_MEMORY = ("libpixman-1.so.0", "libgomp.so.1")

_kept: list[ctypes.CDLL] = []


def keep_plugins_loaded() -> None:
    """Load those libraries once a process; nothing happens where they are not installed."""
    if _kept:
        return
    for library in _LOSING_MEMORY:
        with suppress(OSError):
            _kept.append(ctypes.CDLL(library))

"""The lights of the virtual panel as one line of text: what burns, how, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_GLYPHS: Final = {"off": "○", "steady": "●"}  # all others move
_MOVES: Final = "◐"


def lamps(lights: Mapping[str, Mapping[str, Any]]) -> str:
    """Draw what each light shows, as `agent.kiosk` describes it: `● status ready   ◐ call ringing   ○ mute`."""
    return "   ".join(_lamp(name, light) for name, light in lights.items())


def _lamp(name: str, light: Mapping[str, Any]) -> str:
    glyph = _GLYPHS.get(light["shape"], _MOVES)
    return " ".join(part for part in (glyph, name, str(light["state"]).replace("_", " ")) if part)

"""What stands in the messages of a box. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agent.house.happenings import MOST_TEXT, Happening
from hw.words import excerpt

# The first that holds says what the line is doing.
_LINE = ("reconnecting", "in_call", "dialling", "ringing")
IDLE = "idle"
DOOR_STATES = UNLOCKED, LOCKED = "UNLOCKED", "LOCKED"


def state(status: Mapping[str, Any]) -> str:
    """Write what the box is as JSON; nothing in it changes by itself, so that it is sent only when something has."""
    states = status["states"]
    call = status.get("call") or {}
    known = {
        "service": "ready" if status["service"]["ready"] else "offline",
        "reason": _short(status["service"]["reason"]),
        "line": next((one for one in _LINE if one in states), IDLE),
        "peer": _short(call.get("peer")),
        "answered_by": _short(call.get("answered_by")),
        "muted": "muted" in states,
        "mos": round(call["mos"], 1) if call.get("mos") else None,
        "do_not_disturb": "do_not_disturb" in states,
        "volume_percent": status.get("volume_percent"),
        "sound": "no_sound" not in states,
        "trouble": _short("; ".join(status.get("troubles", {}).values())),
        "version": status.get("version"),
    }
    return json.dumps(known)


def event(happening: Happening) -> str:
    """Write a happening as JSON, in the form that Home Assistant reads: `event_type`, and its details beside it."""
    return json.dumps({"event_type": happening.name, **happening.details})


def door(is_open: bool) -> str:
    """Write whether a door is released, in the words of Home Assistant's locks."""
    return UNLOCKED if is_open else LOCKED


def _short(text: str | None) -> str:
    return excerpt(text, MOST_TEXT) if text else ""

"""What happens at a box, in words that a house can act on. Pure.

The parts of a box tell moments, for its log and its lights; those are many, and change with the program. What is told
to others is this short list, which stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from hw.words import excerpt

MOST_TEXT = 200  # characters of anything that somebody else wrote

#: Each happening, and what is told with it.
HAPPENINGS: Mapping[str, tuple[str, ...]] = {
    "ring": ("button", "to"),  # somebody pressed a button that calls
    "call": ("to",),  # the box calls
    "incoming": ("from",),  # somebody calls the box
    "answered": ("direction", "peer", "answered_by"),  # whom the box reached, where that is known
    "hung_up": ("direction", "peer", "outcome", "duration_s", "answered_by"),  # any call is over, answered or not
    "door": ("door", "by"),  # it was released, and what asked for that
    "door_closed": ("door",),
    "door_refused": ("why",),  # a code was wrong, or came while none is taken
    "do_not_disturb": ("on",),
    "ready": (),
    "offline": ("why",),
    "trouble": ("part", "why"),  # the installer is needed; each part has one at a time
    "trouble_over": ("part",),
}


class Happening(NamedTuple):
    """One of HAPPENINGS, with its details: texts, numbers and truths."""

    name: str
    details: Mapping[str, Any]


class Circumstances(NamedTuple):
    """What a moment does not say itself."""

    button: str = ""  # that is being acted on just now
    direction: str = ""  # of the call that is on
    peer: str = ""
    answered_by: str = ""
    why_offline: str = ""
    part: str = ""  # whose trouble was told last


def happenings(moment: str, detail: object, around: Circumstances) -> list[Happening]:
    """Translate a moment of the noticeboard; most of them are nobody's business."""
    text = excerpt(detail, MOST_TEXT) if detail else ""
    if moment == "dialling":
        ring = [_happening("ring", around.button, text)] if around.button else []
        return [*ring, _happening("call", text)]
    found = {
        "bell": lambda: _happening("ring", around.button, text),
        "incoming": lambda: _happening("incoming", text),
        "accept": lambda: _happening("answered", around.direction, around.peer, around.answered_by),
        "door code": lambda: _happening("door_refused", text),
        "ready": lambda: _happening("ready"),
        "offline": lambda: _happening("offline", around.why_offline),
        "trouble": lambda: _happening("trouble", around.part, text),
        "trouble over": lambda: _happening("trouble_over", text),
    }.get(moment)
    return [found()] if found is not None else []


def call_ended(record: Mapping[str, Any]) -> Happening:
    """Make what is told of a call that is over, of its entry in the list of calls."""
    return _happening("hung_up", *(record[name] for name in HAPPENINGS["hung_up"]))


def door_opened(name: str, by: str) -> Happening:
    """Make what is told when a door is released."""
    return _happening("door", name, by)


def door_closed(name: str) -> Happening:
    """Make what is told when it no longer is."""
    return _happening("door_closed", name)


def quiet_changed(on: bool) -> Happening:
    """Make what is told when do-not-disturb begins or ends."""
    return _happening("do_not_disturb", on)


def _happening(name: str, *values: Any) -> Happening:
    details = zip(HAPPENINGS[name], values, strict=True)
    return Happening(name, {key: excerpt(one, MOST_TEXT) if isinstance(one, str) else one for key, one in details})

"""What may be asked of a box over MQTT, out of the messages of others. Pure.

A retained message does not count: somebody said it once, and the broker repeats it to everybody who comes, so that a
box would open its door at each start.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from agent.errors import FarSideError
from agent.house.mqtt.topics import Topics, level

MOST_BYTES = 256
SUBSCRIPTION = "#"  # below Topics.command
ON, OFF = "ON", "OFF"
UNLOCK, OPEN = "UNLOCK", "OPEN"


class CommandRefusedError(FarSideError):
    """Somebody asks for what there is not, or what is not allowed; the message says what is."""


class HouseCommand(NamedTuple):
    """What is asked for: press, call, hang_up, volume, do_not_disturb or door, and with what."""

    name: str
    argument: str = ""
    number: int = 0


def read_command(topics: Topics, doors: Collection[str], topic: str, payload: bytes, *, retained: bool) -> HouseCommand:
    """Understand one message; raises CommandRefusedError."""
    if retained:
        raise CommandRefusedError(f"a retained message is no command; send it to {topic} without retain")
    if len(payload) > MOST_BYTES:
        raise CommandRefusedError(f"a command has at most {MOST_BYTES} bytes, this one {len(payload)}")
    try:
        text = payload.decode().strip()
    except UnicodeDecodeError:
        raise CommandRefusedError("a command is text in UTF-8") from None
    name, _, which = topic.removeprefix(topics.command("")).partition("/")
    if name == "door" and which:
        return _door(doors, which, text)
    if which or name not in _READERS:
        raise CommandRefusedError(f"there is no command {name!r}; there are {', '.join(sorted(_READERS))}, door/NAME")
    return _READERS[name](text)


def opens_door(button: Mapping[str, str]) -> bool:
    """Tell whether one of a button's actions, gesture to action, releases a door."""
    return any(action.partition(":")[0] == "door" for action in button.values())


def _door(doors: Collection[str], which: str, text: str) -> HouseCommand:
    name = next((one for one in doors if level(one) == which), None)
    if name is None:
        raise CommandRefusedError(f"there is no door {which!r}; this box has {', '.join(doors) or 'none'}")
    if text not in (UNLOCK, OPEN):
        raise CommandRefusedError(f"a door takes {UNLOCK}; it locks by itself")
    return HouseCommand("door", name)


def _press(text: str) -> HouseCommand:
    return HouseCommand("press", _given(text, "the name of a button"))


def _call(text: str) -> HouseCommand:
    if not text.isprintable():
        raise CommandRefusedError("call takes a name or number, of characters that can be seen")
    return HouseCommand("call", _given(text, "whom to call"))


def _hang_up(_text: str) -> HouseCommand:
    return HouseCommand("hang_up")


def _volume(text: str) -> HouseCommand:
    if not (text.isascii() and text.isdigit() and int(text) <= 100):
        raise CommandRefusedError("volume takes a whole number from 0 to 100")
    return HouseCommand("volume", number=int(text))


def _do_not_disturb(text: str) -> HouseCommand:
    if text.upper() not in (ON, OFF):
        raise CommandRefusedError(f"do_not_disturb takes {ON} or {OFF}")
    return HouseCommand("do_not_disturb", number=int(text.upper() == ON))


def _given(text: str, what: str) -> str:
    if not text:
        raise CommandRefusedError(f"the message is empty; expected {what}")
    return text


_READERS: Mapping[str, Callable[[str], HouseCommand]] = {
    "press": _press,
    "call": _call,
    "hang_up": _hang_up,
    "volume": _volume,
    "do_not_disturb": _do_not_disturb,
}

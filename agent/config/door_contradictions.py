"""What is wrong between doors, their codes and the buttons: key and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator

from agent.config.sections import Config
from hw.panel.code_book import MOST_CODES, CodeBook, HashedCode
from hw.panel.settings import RelaySettings

_Problems = Iterator[tuple[str, str]]
NO_DOOR = "opens nothing; expected the relay's pin in door.pin"


def door_key(name: str) -> str:
    """Write the section of a door; that without a name is [door]."""
    return f"doors.{name}" if name else "door"


def door_contradictions(config: Config) -> _Problems:
    """Find doors without a relay or that nothing opens, what opens no door, and codes that two have."""
    yield from _doors(config)
    yield from _buttons(config)
    yield from _codes(config)


def _doors(config: Config) -> _Problems:
    if config.door.code and config.door.pin is None:
        yield "door.code", f"it {NO_DOOR}"
    if config.door.code and config.door.pin is not None and "code" not in config.door.opened_by:
        yield "door.code", 'it opens nothing; expected "code" in door.opened_by'
    if "door" in config.doors and config.door.pin is not None:
        yield "doors.door", "the house calls that of [door] so; expected another name"
    for name, door in config.doors.items():
        if door.pin is None:
            yield f"doors.{name}", "the pin is missing; expected the GPIO number of the relay"
    for name, door in config.all_doors().items():
        if not door.opened_by:
            yield f"{door_key(name)}.opened_by", "nothing may open this door; expected at least one of them"


def _buttons(config: Config) -> _Problems:
    doors = config.all_doors()
    for name, button in config.buttons.items():
        for gesture, action in button.bindings().items():
            key = f"buttons.{name}.{gesture}"
            if action.name != "door":
                continue
            meant = _meant(doors, action.target)
            if meant is None:
                yield key, _names_none(doors, action.target)
            elif "button" not in doors[meant].opened_by:
                yield key, f'it opens nothing; expected "button" in {door_key(meant)}.opened_by'


def door_doubts(config: Config) -> _Problems:
    """Find doors that nothing there is can open, and codes of which nobody sees whether two are the same."""
    has_code = bool(config.codes or config.door.code)
    ways = {
        "button": any(action.name == "door" for one in config.buttons.values() for action in one.bindings().values()),
        "code": has_code,
        "page": config.page.enabled,
        "http": config.page.enabled and bool(config.api.keys),
        "mqtt": config.mqtt.is_used and config.mqtt.may_open_door,
    }
    for name, door in config.all_doors().items():
        if door.opened_by and not any(ways[way] for way in door.opened_by):
            yield f"{door_key(name)}.opened_by", "nothing of it is set up on this box, so the door stays shut"
    first, *others = [(name, HashedCode.parse(code.hash).salt) for name, code in config.codes.items()] or [("", b"")]
    for name, salt in others:
        if salt != first[1]:
            yield f"codes.{name}.hash", (
                f"it was not made beside that of {first[0]}, so nobody sees whether the two are the same; "
                "better made by `kiosk-agent code` with these settings"
            )


def _meant(doors: dict[str, RelaySettings], name: str) -> str | None:
    """Which door a button means."""
    if not name and len(doors) == 1:
        return next(iter(doors))
    return name if name in doors else None


def _names_none(doors: dict[str, RelaySettings], name: str) -> str:
    if not doors:
        return f"'door{':' + name if name else ''}' {NO_DOOR}"
    known = ", ".join(f"'door:{one}'" if one else "'door'" for one in doors)
    return f"it names no door of this box; expected one of {known}"


def _codes(config: Config) -> _Problems:
    doors = config.all_doors()
    book = CodeBook("", config.codes)
    if len(config.codes) > MOST_CODES:
        yield "codes", f"there are {len(config.codes)}; expected at most {MOST_CODES}"
    owners: dict[bytes, str] = {}
    for name, code in config.codes.items():
        hashed = HashedCode.parse(code.hash)
        if hashed.hash in owners:
            yield f"codes.{name}.hash", f"{owners[hashed.hash]} has the same code; expected each code once"
        owners.setdefault(hashed.hash, name)
        if not code.doors and not any("code" in door.opened_by for door in doors.values()):
            yield f"codes.{name}", "it opens nothing; expected a door that is opened by code"
        for door in code.doors:
            if door not in doors:
                yield f"codes.{name}.doors", f"there is no door {door!r}; expected names of [doors.NAME]"
            elif "code" not in doors[door].opened_by:
                yield f"codes.{name}.doors", f'expected "code" in {door_key(door)}.opened_by'
    if config.door.code and (twice := book.whose(config.door.code)):
        yield "door.code", f"{twice} has the same code; expected each code once"

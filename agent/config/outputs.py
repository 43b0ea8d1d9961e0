"""The outputs that the settings name, whatever else is wrong with them: for bringing them to rest.

Nothing here refuses a file. What does not parse is read line by line, names are taken as they were meant, and a value
that can be understood counts although the program would not run with it. Only when a pin is named that nobody can
make out, that is said.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from agent.config.layers import files_over
from agent.config.sections import Config, DoorSection
from agent.config.settings import BoxSettings
from agent.errors import ConfigError
from hw.panel.settings import LightSettings, RelaySettings

MOST_PIN = 53
PIN_KEYS = ("pin", "red", "green", "blue")  # of a light
CLOSE = 0.6  # how much a name must resemble the one that was meant

_HEADER = re.compile(r'\s*(?:\[+\s*([^\]#=]+)|([\w."-]+)\s*\]\s*(?:#.*)?$)')
_PAIR = re.compile(r"""\s*([\w."'-]+)\s*[=:]\s*(.+)""")
_INLINE = re.compile(r"""([\w"'-]+)\s*=\s*("[^"]*"|'[^']*'|[^,{}\s#]+)""")
_SECTIONS = [one.name for one in fields(Config)]

Values = dict[str, list[Any]]
Groups = list[tuple[tuple[str, ...], Values]]  # each table, as often as it stands in the file


@dataclass
class RestingOutputs:
    """Which pins there are, and how each is wired; `problems` names those that could not be made out."""

    pins: str = "auto"
    chip: str = ""
    doors: list[RelaySettings] = field(default_factory=list)
    lights: dict[str, LightSettings] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def outputs_of(path: Path) -> RestingOutputs:
    """Read what the file and those over it name of outputs. ConfigError only when the file has no text to read."""
    found = RestingOutputs()
    groups = _groups(_text_of(path))
    for text in _texts_over(found, path):
        groups = _over(groups, _groups(text))
    for where, values in groups:
        _read_box(found, where, values)
    doors = [values for where, values in groups if _section(where) in ("door", "doors")]
    lights = [(where, values) for where, values in groups if _section(where) == "lights" and len(where) > 1]
    _read_doors(found, doors)
    _read_lights(found, lights)
    return found


# --- from text to tables ---


def _text_of(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig", errors="replace")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); expected a configuration file") from None


def _texts_over(found: RestingOutputs, path: Path) -> Iterator[str]:
    """Read what lies over the file, as far as it can be read; the rest is a problem."""
    files: list[Path] = []
    try:
        files = files_over(path)
    except ConfigError as error:
        found.problems.append(str(error))
    for file in files:
        try:
            yield _text_of(file)
        except ConfigError as error:
            found.problems.append(str(error))


def _groups(text: str) -> Groups:
    try:
        return list(_tables(tomllib.loads(text), ()))
    except (ValueError, RecursionError):
        return _lines(text)


def _over(below: Groups, above: Groups) -> Groups:
    """Lay the tables of one file over those of another: a key that both have counts as the upper one says."""
    joined: dict[tuple[str, ...], Values] = {}
    for where, values in above:  # what cannot be parsed may have a table twice
        table = joined.setdefault(where, {})
        for key, given in values.items():
            table.setdefault(key, []).extend(given)
    below = [(where, values) for where, values in below if not _is_taken_back(where, joined)]
    kept = [(where, {**values, **joined.get(where, {})}) for where, values in below]
    known = {where for where, _ in below}
    return kept + [(where, values) for where, values in joined.items() if where not in known]


def _is_taken_back(where: tuple[str, ...], above: Mapping[tuple[str, ...], Values]) -> bool:
    """Tell whether a file above says "" in the place of this table, or of one around it."""
    tables = [(where[:end], where[end]) for end in range(len(where))]
    return any([_text(one) for one in above.get(around, {}).get(name, ())] == [""] for around, name in tables)


def _tables(table: Mapping[str, Any], where: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Values]]:
    yield where, {key: [value] for key, value in table.items() if not isinstance(value, dict)}
    for key, value in table.items():
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, dict):
                yield from _tables(inner, (*where, key))


def _lines(text: str) -> Groups:
    groups: Groups = [((), {})]
    for line in text.splitlines():
        if header := _HEADER.match(line):
            groups.append((_names(header[1] or header[2]), {}))
        elif pair := _PAIR.match(line):
            _note_pair(groups, _names(pair[1]), pair[2])
    return groups


def _note_pair(groups: Groups, names: tuple[str, ...], value: str) -> None:
    where, values = groups[-1]
    if value.startswith("{"):
        inner: Values = {}
        for key, text in _INLINE.findall(value):
            inner.setdefault(_names(key)[-1], []).append(text)
        groups.insert(-1, ((*where, *names), inner))
    elif len(names) > 1:
        place = (*where, *names[:-1])
        known = next((old for at, old in groups if at == place), None)
        if known is None:
            known = {}
            groups.insert(-1, (place, known))
        known.setdefault(names[-1], []).append(value)
    else:
        values.setdefault(names[0], []).append(value)


def _names(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'").strip() for part in dotted.split("."))


# --- from tables to outputs ---


def _read_box(found: RestingOutputs, where: tuple[str, ...], values: Values) -> None:
    if _section(where) != "box":
        return
    meant = _meant(values, [one.name for one in fields(BoxSettings)])
    for text in map(_text, meant.get("pins", [])):
        found.pins = text if text in ("auto", "mock", "gpiod") else "auto"
    for text in map(_text, meant.get("chip", [])):
        found.chip = text


def _read_doors(found: RestingOutputs, doors: list[Values]) -> None:
    """A file that names several relays has each of them released, whether it may or not."""
    relays = []
    for values in doors:
        meant = _meant(values, [one.name for one in fields(DoorSection)])
        for number in _pins(found, "door.pin", meant.get("pin", [])):
            relays.append((number, _active_low(meant)))
    found.doors = [RelaySettings(pin=pin, active_low=active_low) for pin, active_low in dict(relays).items()]


def _read_lights(found: RestingOutputs, lights: list[tuple[tuple[str, ...], Values]]) -> None:
    """A light that is said to hang on a pin of the door's does not decide the level of that pin."""
    taken = {door.pin for door in found.doors}
    for where, values in lights:
        meant = _meant(values, [one.name for one in fields(LightSettings)])
        for colour in PIN_KEYS:
            for pin in _pins(found, ".".join((*where, colour)), meant.get(colour, [])):
                if pin not in taken:
                    name = where[-1] if colour == "pin" else f"{where[-1]} {colour}"
                    found.lights[f"{name} ({pin})"] = LightSettings(pin=pin, active_low=_active_low(meant))
                taken.add(pin)


def _section(where: tuple[str, ...]) -> str:
    return _nearest(where[0], _SECTIONS) if where else ""


def _meant(values: Values, known: Collection[str]) -> Values:
    """The values under the names that were meant; a right name wins over one that resembles it."""
    meant: Values = {}
    for key, given in sorted(values.items(), key=lambda item: item[0] not in known):
        if key in known or _nearest(key, known) not in meant:
            meant.setdefault(_nearest(key, known), []).extend(given)
    return meant


def _nearest(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name.lower(), known, n=1, cutoff=CLOSE)
    return near[0] if near else ""


def _pins(found: RestingOutputs, key: str, values: list[Any]) -> Iterator[int]:
    for value in [one for one in values if _text(one)]:  # "" takes back what a file below says
        number = re.search(r"\d+", "" if isinstance(value, bool) else _text(value))
        if number and int(number[0]) <= MOST_PIN:
            yield int(number[0])
        else:
            found.problems.append(f"{key}: it names no GPIO from 0 to {MOST_PIN}, so this output was not released")


def _active_low(values: Values) -> bool:
    """Whoever wrote something that is neither true nor false wanted another thing than what goes without saying."""
    texts = [_text(value).lower() for value in values.get("active_low", [])]
    return bool(texts) and not texts[-1].startswith(("f", "0", "n"))


def _text(value: Any) -> str:
    """The value as text, without quotes and what follows it."""
    text = str(value).strip()
    quoted = re.match(r"""(["'])(.*?)(?:\1|$)""", text)
    return (quoted[2] if quoted else text.split("#")[0]).strip()

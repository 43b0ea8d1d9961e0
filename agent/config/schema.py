"""Reads TOML tables into frozen dataclasses: the fields are the schema, their metadata the limits.

A field's type says what may stand in the file; its metadata what more is asked: `min`, `max`, `choices`, `kind`
(see `kinds`; a `pin` may be used once), `max_length`: of the value, or of each item of a list; `secret`: never shown.
A field without a default must be given. What a class asks beyond that it checks in its own `__post_init__`.
Reading never stops at the first problem.
"""

from __future__ import annotations

import dataclasses
import difflib
import typing
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from agent.config.layers import Layers
from agent.config.toml_source import TomlSource
from agent.config.value_types import Mismatch, convert, item_type, mapping_type, show, without_none
from agent.errors import ConfigError
from hw.errors import SettingError
from hw.words import excerpt

INVALID: Any = object()
HIDDEN = "this value"
HIDING = (str, dict, list)  # what may hold a secret where a list of tables with secrets is expected
MOST_NAME = 64  # characters of what a section is called
MOST = 600  # characters of one line about a problem


class Reader:
    """Reads the tables of the settings and collects every problem; `finish` reports them."""

    def __init__(self, source: TomlSource | Layers) -> None:
        self._source = source
        self._problems: list[tuple[str, str]] = []
        self._pins: dict[int, str] = {}
        self._homes: dict[str, list[str]] = {}

    def finish(self) -> None:
        """Raise `ConfigError` with all problems, a line each, in the order of the files; nothing if there are none."""
        if self._problems:
            ordered = sorted(self._problems, key=lambda problem: self._source.order(problem[0]))
            parts = ((self._source.place(key), excerpt(key, MOST), text) for key, text in ordered)
            lines = (": ".join(filter(None, three)) for three in parts)
            raise ConfigError("\n".join(excerpt(line, MOST) for line in lines))

    def read(self, cls: type[Any], table: Any, where: str = "") -> Any:
        """Make an instance of the dataclass `cls` of `table`, which stands at `where`; INVALID with problems in it."""
        if not where:
            self._homes = dict(_homes(cls))
        if not isinstance(table, dict):
            return self.problem(where, f"{_shown(table, cls)}: expected a table [{where}]")
        fields = {field.name: field for field in dataclasses.fields(cls) if field.init}
        hints = typing.get_type_hints(cls)
        for key in table.keys() - fields.keys():
            self.problem(_join(where, key), f"unknown key; {self._advice(where, key, fields)}")
        for name, field in fields.items():
            if name not in table and _is_required(field):
                self.problem(where, f'the key "{name}" is missing; expected {field.metadata.get("help", "a value")}')
        values = {
            name: self._value(table[name], hints[name], field.metadata, _join(where, name))
            for name, field in fields.items()
            if name in table
        }
        return self._build(cls, values, where)

    def _build(self, cls: type[Any], values: dict[str, Any], where: str) -> Any:
        if any(value is INVALID for value in values.values()):
            return INVALID
        try:
            return cls(**values)
        except TypeError:  # a required key is missing, which is reported already
            return INVALID
        except ValueError as error:
            return self.problem(where, str(error))

    def _value(self, value: Any, hint: Any, metadata: Mapping[str, Any], key: str) -> Any:
        hint = without_none(hint)
        if dataclasses.is_dataclass(hint):
            return self.read(typing.cast(type[Any], hint), value, key)
        if inner := mapping_type(hint):
            return self._mapping(value, inner, metadata, key)
        if dataclasses.is_dataclass(inner := item_type(hint)) and isinstance(value, list):
            items = [self._value(item, inner, {}, key) for item in value]
            return INVALID if INVALID in items else tuple(items)
        return self._leaf(value, hint, metadata, key)

    def read_named(self, cls: type[Any], table: Any, where: str) -> Any:
        """Make an instance of `cls` of each table in `table`, by its name; INVALID with problems in one."""
        return self._mapping(table, cls, {}, where)

    def _mapping(self, table: Any, inner: Any, metadata: Mapping[str, Any], key: str) -> Any:
        if not isinstance(table, dict):
            return self.problem(key, f"{_shown(table, inner)}: expected a table [{key}]")
        values = {name: self._named(name, table, inner, metadata, key) for name in table}
        return INVALID if any(value is INVALID for value in values.values()) else values

    def _named(self, name: str, table: Mapping[str, Any], inner: Any, metadata: Mapping[str, Any], key: str) -> Any:
        if table[name] == "" and dataclasses.is_dataclass(inner):
            others = [other for other, value in table.items() if value != ""]
            advice = _suggestion(name, others) if others else "there is none of that kind"
            return self.problem(_join(key, name), f'"" takes back what a file below says, and none has this; {advice}')
        if dataclasses.is_dataclass(inner) and not _is_name(name):
            expected = f"1 to {MOST_NAME} characters that can be seen, and no blank at either end"
            return self.problem(_join(key, name), f"expected a name of {expected}")
        return self._value(table[name], inner, metadata, _join(key, name))

    def _leaf(self, value: Any, hint: Any, metadata: Mapping[str, Any], key: str) -> Any:
        shown = HIDDEN if metadata.get("secret") else _shown(value, item_type(hint), HIDING)
        try:
            result = convert(value, hint, metadata, self._folder)
        except Mismatch as error:
            return self.problem(key, f"{shown}: expected {error}")
        except SettingError as error:
            return self.problem(key, str(error))
        if metadata.get("kind") == "pin":
            self._claim_pins(result, key)
        return result

    def _claim_pins(self, pins: Any, key: str) -> None:
        for pin in pins if isinstance(pins, tuple) else (pins,):
            if pin in self._pins:
                self.problem(key, f"GPIO {pin} is used by {self._pins[pin]} already; expected a pin of its own")
            self._pins.setdefault(pin, key)

    def _advice(self, where: str, key: str, fields: Mapping[str, Any]) -> str:
        """Say what is meant by an unknown key: one that stands in another section, or one that is spelled like it."""
        above, _, name = where.rpartition(".")
        if above and key in ("enabled", "disabled"):
            return f'to take back what a file below says, write  {name} = ""  in [{above}]'
        if homes := self._homes.get(key):
            return f"it belongs into {' or '.join(homes)}"
        return _suggestion(key, fields)

    @property
    def _folder(self) -> Path:
        return self._source.path.absolute().parent

    def problem(self, key: str, text: str) -> Any:
        """Note what is wrong with the value at the dotted `key`."""
        self._problems.append((key, text))
        return INVALID


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _shown(value: Any, cls: Any, hiding: type | tuple[type, ...] = object) -> str:
    """Show a value that is no table, unless what belongs into that table may be secret."""
    return HIDDEN if isinstance(value, hiding) and _has_secrets(cls) else show(value)


def _has_secrets(cls: Any) -> bool:
    if not dataclasses.is_dataclass(cls):
        return False
    return any(field.metadata.get("secret") for field in dataclasses.fields(cls)) or any(
        _has_secrets(item_type(hint)) for hint in typing.get_type_hints(cls).values()
    )


def _homes(cls: Any) -> Iterator[tuple[str, list[str]]]:
    """Map each key to the sections that have it."""
    found: dict[str, list[str]] = {}
    for section, hint in typing.get_type_hints(cls).items():
        inner = mapping_type(hint)
        name = f"[{section}.NAME]" if inner else f"[{section}]"
        if dataclasses.is_dataclass(inner or hint):
            for field in dataclasses.fields(inner or hint):
                found.setdefault(field.name, []).append(name)
    return iter(found.items())


def _suggestion(key: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = difflib.get_close_matches(key.lower(), names, n=1, cutoff=0.5)
    if near:
        return f'did you mean "{near[0]}"?'
    return "expected one of " + ", ".join(f'"{name}"' for name in names)


def _is_name(name: str) -> bool:
    """Whether the page, HTTP and MQTT can name it, too: these cut what is long, and strip what is around it."""
    return 0 < len(name) <= MOST_NAME and name.isprintable() and name == name.strip()


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name

"""All settings as they are understood, for whoever looks after the box: a line for each key, and no secret. Pure."""

from __future__ import annotations

import dataclasses
import enum
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from agent.config.secrecy import looks_secret
from agent.config.sections import Config
from agent.config.value_types import item_type, mapping_type, without_none


def told(config: Config) -> list[dict[str, Any]]:
    """Tell each setting: `key`, `value`, `is_default`, `is_hidden`; ready for JSON.

    What its field declares as `secret`, and any text that looks like one, has no value here, only that there is one.
    """
    return list(_tell_table(config, ""))


def _tell_table(table: Any, where: str) -> Iterator[dict[str, Any]]:
    hints = typing.get_type_hints(type(table))
    for field in dataclasses.fields(table):
        if field.init:
            key = f"{where}.{field.name}" if where else field.name
            yield from _tell(key, getattr(table, field.name), without_none(hints[field.name]), field)


def _tell(key: str, value: Any, hint: Any, field: dataclasses.Field[Any]) -> Iterator[dict[str, Any]]:
    if dataclasses.is_dataclass(value):
        yield from _tell_table(value, key)
    elif mapping_type(hint):
        for name, one in value.items():
            yield from _tell(f"{key}.{name}", one, mapping_type(hint), field)
    elif dataclasses.is_dataclass(item_type(hint)) and value:
        for number, one in enumerate(value, 1):
            yield from _tell_table(one, f"{key}.{number}")
    else:
        yield _line(key, value, field)


def _line(key: str, value: Any, field: dataclasses.Field[Any]) -> dict[str, Any]:
    is_default = value == field.default
    is_hidden = not is_default and (bool(field.metadata.get("secret")) or _has_secret(value))
    return {"key": key, "value": None if is_hidden else _plain(value), "is_default": is_default, "is_hidden": is_hidden}


def _has_secret(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_secret, value.values()))
    if isinstance(value, tuple | list):
        return any(map(_has_secret, value))
    return isinstance(value, str) and looks_secret(value)


def _plain(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, tuple | list | frozenset) else value

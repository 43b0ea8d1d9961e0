"""Reads one part of the settings by the same schema, without the rooms that the other parts belong to.

Raises `ConfigError` for files that cannot be read, and for this part. What is wrong with another one keeps nobody from
asking a running agent about it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.config.layers import read_layers
from agent.config.location import INSTALLED
from agent.config.schema import Reader
from agent.config.settings import ServiceSettings
from agent.errors import ConfigError

if TYPE_CHECKING:
    from hw.panel.code_book import CodeSettings


def control_socket_of(path: Path | None) -> str:
    """Tell where the agent with these settings is reached; empty: at the usual place.

    Without a file it is asked of the installed one, as far as this user may read it.
    """
    if path is not None:
        return _control_socket(path)
    try:
        return _control_socket(INSTALLED)
    except ConfigError:
        return ""


def codes_of(path: Path) -> tuple[Mapping[str, CodeSettings], str]:
    """Return the named codes of these settings, and that of [door]."""
    from hw.panel.code_book import CodeSettings
    from hw.panel.settings import DoorSettings

    source = read_layers(path)
    reader = Reader(source)
    codes: Mapping[str, CodeSettings] = reader.read_named(CodeSettings, source.tables.get("codes", {}), "codes")
    door = reader.read(DoorSettings, _only("code", source.tables.get("door", {})), "door")
    reader.finish()
    return codes, str(door.code)


def _control_socket(path: Path) -> str:
    source = read_layers(path)
    reader = Reader(source)
    service = reader.read(ServiceSettings, _only("control_socket", source.tables.get("service", {})), "service")
    reader.finish()
    return str(service.control_socket)


def _only(key: str, table: Any) -> Any:
    return {name: value for name, value in table.items() if name == key} if isinstance(table, dict) else table

"""config.toml as one frozen object; a file that cannot be used is refused with every problem named.

Each room declares its own settings; their names here are the sections of the file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from agent.schema import Reader
from agent.settings import BoxSettings, ServiceSettings
from agent.toml_source import read_toml


@dataclass(frozen=True)
class Config:
    """All settings of one box; every default is usable, and a section that is left out keeps its defaults."""

    box: BoxSettings = field(default_factory=BoxSettings)
    service: ServiceSettings = field(default_factory=ServiceSettings)


def load(path: str | Path) -> Config:
    """Read `path`; raises `ConfigError`, its message a line for every problem: file, line, key, what was expected."""
    source = read_toml(Path(path))
    reader = Reader(source)
    config = reader.read(Config, source.tables)
    reader.finish()
    assert isinstance(config, Config)
    return config

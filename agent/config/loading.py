"""Reads the whole of config.toml, and what lies over it; what cannot be used is refused with every problem named."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import agent.config.kinds  # noqa: F401, which would be loaded too late by another user than the one who began
from agent.config.contradictions import contradictions, source_of_tokens
from agent.config.layers import Layers, read_layers
from agent.config.profiles import with_profile
from agent.config.schema import Reader
from agent.config.sections import Config
from agent.config.weaknesses import weaknesses

OF_SWITCHBOARD = ("switchboard", "media", "service")
_Further = Callable[[Config, Layers], Iterable[tuple[str, str]]]


def load(path: str | Path) -> Config:
    """Read `path`; raises `ConfigError`, its message a line for every problem: file, line, key, what was expected."""
    return _load(path, lambda _config, _source: ())


def load_for_calls(path: str | Path) -> Config:
    """Load as `load` does, for those who will call: without a source of tokens it raises `ConfigError`, too."""
    return _load(path, lambda config, _source: source_of_tokens(config))


def load_for_switchboard(path: str | Path) -> Config:
    """Load what a switchboard lives by, and nothing of a box: the files that it names may have to be made here first.

    Raises `ConfigError` as `load` does, for those sections and for what is none.
    """
    source = read_layers(Path(path))
    others = {field.name for field in fields(Config)} - set(OF_SWITCHBOARD)
    return _read(source, {name: table for name, table in source.tables.items() if name not in others})


def load_for_box(path: str | Path, *, as_service: bool = False, trusting: bool = False) -> Config:
    """Load as `load` does, and look at whatever this machine would refuse to a box with these settings: ConfigError.

    `as_service`: this process has become the service's user (`agent.config.location`). `trusting`: other users of this
    machine may read and write the settings.
    """
    return _load(path, lambda *read: _beforehand(*read, as_service=as_service, trusting=trusting))


def _beforehand(config: Config, source: Layers, *, as_service: bool, trusting: bool) -> Iterator[tuple[str, str]]:
    from agent.config.exposure import exposed
    from agent.config.foresight import foresee  # loads TLS

    yield from foresee(config, as_service=as_service)
    if not trusting:
        yield from exposed(config, source)


def doubts(path: str | Path, config: Config) -> list[str]:
    """Say what of the settings at `path` is taken but had better be changed, a line each."""
    source = read_layers(Path(path))
    return [f"{source.place(key)}: {key}: {text}" for key, text in weaknesses(config)]


def origins(path: str | Path) -> list[str]:
    """Say of each value that the settings at `path` give where it stands, a line each; never the value. ConfigError."""
    return list(read_layers(Path(path)).told())


def load_to_check(path: str | Path, *, as_service: bool = False, trusting: bool = False) -> Config:
    """Load as `load_for_box` does, and look at what a box would find taken or closed now, too: ConfigError."""
    from agent.config.surroundings import look_around

    def further(config: Config, source: Layers) -> Iterator[tuple[str, str]]:
        yield from _beforehand(config, source, as_service=as_service, trusting=trusting)
        yield from look_around(config, as_service=as_service)

    return _load(path, further)


def _load(path: str | Path, further: _Further) -> Config:
    source = read_layers(Path(path))
    return _read(source, source.tables, further)


def _read(source: Layers, tables: Mapping[str, Any], further: _Further = lambda _config, _source: ()) -> Config:
    reader = Reader(source)
    config = reader.read(Config, with_profile(tables))
    if isinstance(config, Config):
        for key, text in (*contradictions(config), *further(config, source)):
            reader.problem(key, text)
    reader.finish()
    assert isinstance(config, Config)
    return config

"""config.toml as one frozen object; a file that cannot be used is refused with every problem named.

Each room declares its own settings; their names in `Config` are the sections of the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from agent.config.contradictions import contradictions, source_of_tokens
from agent.config.location import INSTALLED
from agent.config.schema import Reader
from agent.config.sections import Config, DoorSection
from agent.config.toml_source import read_toml
from agent.errors import ConfigError

__all__ = ["Config", "DoorSection", "control_socket_of", "load", "load_for_box", "load_for_calls", "load_to_check"]


def load(path: str | Path) -> Config:
    """Read `path`; raises `ConfigError`, its message a line for every problem: file, line, key, what was expected."""
    return _load(path, lambda _config: ())


def load_for_calls(path: str | Path) -> Config:
    """Load as `load` does, for those who will call: without a source of tokens it raises `ConfigError`, too."""
    return _load(path, source_of_tokens)


def load_for_box(path: str | Path, *, as_service: bool = False) -> Config:
    """Load as `load` does, and look at whatever this machine would refuse to a box with these settings: ConfigError.

    `as_service`: this process has become the service's user (`agent.config.location`).
    """
    from agent.config.foresight import foresee  # loads TLS

    return _load(path, lambda config: foresee(config, as_service=as_service))


def load_to_check(path: str | Path, *, as_service: bool = False) -> Config:
    """Load as `load_for_box` does, and look at what a box would find taken or closed now, too: ConfigError."""
    from agent.config.foresight import foresee
    from agent.config.surroundings import look_around

    def both(config: Config) -> Iterable[tuple[str, str]]:
        return (*foresee(config, as_service=as_service), *look_around(config, as_service=as_service))

    return _load(path, both)


def control_socket_of(path: Path | None) -> str:
    """Tell where the agent with these settings is reached; empty: at the usual place.

    Without a file it is asked of the installed one, as far as this user may read it.
    """
    if path is not None:
        return load(path).service.control_socket
    try:
        return load(INSTALLED).service.control_socket
    except ConfigError:
        return ""


def _load(path: str | Path, further: Callable[[Config], Iterable[tuple[str, str]]]) -> Config:
    source = read_toml(Path(path))
    reader = Reader(source)
    config = reader.read(Config, source.tables)
    if isinstance(config, Config):
        for key, text in (*contradictions(config), *further(config)):
            reader.problem(key, text)
    reader.finish()
    assert isinstance(config, Config)
    return config

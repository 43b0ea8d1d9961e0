"""Files that other users of this machine may read or write though they hold secrets, or decide what is run."""

from __future__ import annotations

import dataclasses
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agent.config.layers import Layers, folder_over
from agent.config.sections import Config

_Problems = Iterator[tuple[str, str]]
SECRET_FILES = (("token", "key_file"), ("token", "file"), ("sip", "secret_file"), ("mqtt", "password_file"))
ANYWAY = "or, if that is meant, give --trust-settings"


def exposed(config: Config, source: Layers) -> _Problems:
    """Find what is open to every user: of the settings, and of the files with secrets that they name."""
    secrets = list(secret_keys(config))
    for path in [file.path for file in source.files]:
        yield from _exposed_settings(path, path == source.path, [key for key in secrets if source.file(key) == path])
    if _mode(folder := folder_over(source.path)) & stat.S_IWOTH:
        yield "", f"every user of this machine may put settings into {folder}; chmod o-w {folder}, {ANYWAY}"
    for section, name in SECRET_FILES:
        file = getattr(getattr(config, section), name)
        if file and _mode(Path(file)) & (stat.S_IROTH | stat.S_IWOTH):
            why = f"every user of this machine may read or write {file}; chmod o-rw {file}, {ANYWAY}"
            yield f"{section}.{name}", why


def _exposed_settings(path: Path, is_named: bool, secrets: list[str]) -> _Problems:
    mode = _mode(path)
    if mode & stat.S_IWOTH or _can_be_replaced(path):
        yield "", (f"every user of this machine may change {'it' if is_named else path}, and so decide what is run; "
                   f"chmod o-w {path}, {ANYWAY}")  # fmt: skip
    if mode & stat.S_IROTH and secrets:
        yield secrets[0], f"every user of this machine may read this; chmod o-r {path}, {ANYWAY}"


def secret_keys(settings: Any, where: str = "") -> Iterator[str]:
    """List the dotted keys of all secrets that are set."""
    for field in dataclasses.fields(settings):
        key, value = f"{where}.{field.name}" if where else field.name, getattr(settings, field.name)
        yield from _secret_keys_of(value, key, bool(field.metadata.get("secret")) and _tells(field.name, value))


def _secret_keys_of(value: Any, key: str, is_secret: bool) -> Iterator[str]:
    if dataclasses.is_dataclass(value):
        yield from secret_keys(value, key)
    elif is_secret:
        yield key
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield from _secret_keys_of(one, f"{key}.{name}", is_secret=False)
    elif isinstance(value, tuple):
        for one in value:
            yield from _secret_keys_of(one, key, is_secret=False)


def _tells(name: str, value: Any) -> bool:
    """Whether a value that is never shown is a secret for sure.

    A program's arguments are seen by all in any case, and from the hash of a random key nobody finds the key.
    """
    if name in ("url", "urls"):
        return any(mark in str(value) for mark in "@?")
    return bool(value) and name not in ("command", "secret_command", "key_hash")


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError:  # others say so
        return 0


def _can_be_replaced(path: Path) -> bool:
    """Whether every user may put another file in its place."""
    mode = _mode(path.resolve().parent)
    return bool(mode & stat.S_IWOTH) and not mode & stat.S_ISVTX

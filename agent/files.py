"""Small secret files that survive a power cut: each is whole or is made anew."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Mapping
from pathlib import Path

from agent.errors import ConfigError
from agent.program import NAME


def write_private(path: Path, data: bytes) -> None:
    """Replace `path` by `data`, readable by its owner only; a power cut leaves the old file or the new one."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp makes it 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            _give_to_owner_of(path.parent, descriptor)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def state_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Choose where state belongs: the service's state folder, or the user's."""
    if service := environ.get("STATE_DIRECTORY"):
        return Path(service.split(":")[0])
    return Path(environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / NAME


def make_private_folder(path: Path) -> Path:
    """Make `path` and its parents, closed to other users; ConfigError for one in which anybody may put a file."""
    if not path.is_dir():
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _give_to_owner_of(path.parent, path)
    if path.stat().st_mode & stat.S_IWOTH:
        raise ConfigError(f"every user of this machine may put files into {path}; chmod o-w {path}")
    return path


def _give_to_owner_of(folder: Path, file: int | Path) -> None:
    """Let a service read what root wrote for it."""
    owner = folder.stat()
    if os.geteuid() == 0 and owner.st_uid:
        os.chown(file, owner.st_uid, owner.st_gid)


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

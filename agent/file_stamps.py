"""Whether files changed: what tells one state of them from another, to be compared."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

Stamps = tuple[tuple[object, ...], ...]


def stamps(paths: Iterable[Path]) -> Stamps:
    """Note of each file and device whether it is there, which one, how old and long, and whether it can be read."""
    return tuple(sorted(_stamp(path) for path in set(paths)))


def _stamp(path: Path) -> tuple[object, ...]:
    try:
        found = path.stat()
    except OSError:
        return (str(path),)
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISCHR(found.st_mode)):
        return (str(path),)  # folders and sockets change by being used
    may = os.access(path, os.R_OK)
    return (str(path), found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode, found.st_uid, found.st_gid, may)

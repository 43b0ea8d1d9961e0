"""Whether files changed: what tells one state of them from another, to be compared."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

Stamps = tuple[tuple[object, ...], ...]


def stamps(paths: Iterable[Path]) -> Stamps:
    """Note of each file whether it is there, which one, how old and how long it is, and whether it can be read."""
    return tuple(sorted(_stamp(path) for path in set(paths)))


def _stamp(path: Path) -> tuple[object, ...]:
    try:
        found = path.stat()
    except OSError:
        return (str(path),)
    may = os.access(path, os.R_OK)
    return (str(path), found.st_ino, found.st_mtime_ns, found.st_size, found.st_mode, found.st_uid, found.st_gid, may)

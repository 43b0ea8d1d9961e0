"""Remembers the lock-out and the codes that are used up on the disk, so that pulling the plug does not end that."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import gevent

from agent.errors import ConfigError
from agent.files import make_private_folder, write_private
from agent.log import FailureLog
from hw.panel.lockout import LockoutRecord

log = logging.getLogger(__name__)

FILE_NAME = "door.json"
MOST = 1000  # of any count; more stands only in a file that somebody else wrote
MOST_BYTES = 4000


class _Kept(NamedTuple):
    lockout: LockoutRecord
    used: frozenset[str]


class DoorMemory:
    """A file of the state folder; where nothing can be written, the memory ends with the program."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self.used: frozenset[str] = frozenset()  #: codes that opened once, and may never again
        self._wanted = _Kept(LockoutRecord(), self.used)
        self._stored: _Kept | None = None
        self._writer: gevent.Greenlet[..., None] | None = None
        self._failures = FailureLog(log, "remembering the door's lock-out")

    def load(self) -> LockoutRecord:
        """Read what was remembered; nothing was where the file is missing or damaged."""
        try:
            with self._path.open("rb") as file:
                kept = _parse(file.read(MOST_BYTES))
        except FileNotFoundError:
            kept = _Kept(LockoutRecord(), frozenset())
        except (OSError, ValueError, RecursionError) as error:
            log.warning("the door's lock-out was not read: %s", error)
            kept = _Kept(LockoutRecord(), frozenset())
        self._wanted = self._stored = kept
        self.used = kept.used
        return kept.lockout

    def remember(self, record: LockoutRecord, used: frozenset[str] = frozenset()) -> None:
        """Write it, if it is new, on a thread of its own: a disk may be slow. Returns at once."""
        self._wanted = _Kept(record, used)
        if self._writer is None and self._wanted != self._stored:
            self._writer = gevent.spawn(self._write)

    def settle(self, within_s: float) -> None:
        """Wait until what is to be remembered is on the disk, or could not be written, or for so long."""
        if self._writer is not None:
            self._writer.join(within_s)

    def _write(self) -> None:
        try:
            while (kept := self._wanted) != self._stored:
                self._stored = kept  # tried once: a disk that is full is not asked again before the next change
                gevent.get_hub().threadpool.apply(self._store, (kept,))
            self._failures.recovered()
        except (OSError, ConfigError) as error:
            self._failures.failed(error)
        finally:
            self._writer = None

    def _store(self, kept: _Kept) -> None:
        make_private_folder(self._path.parent)
        write_private(self._path, json.dumps({**asdict(kept.lockout), "used": sorted(kept.used)}).encode())


def _parse(text: bytes) -> _Kept:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError("the file holds no table")
    lockout = LockoutRecord(_count(found.get("wrong")), _count(found.get("lockouts")), found.get("is_locked") is True)
    used = found.get("used", [])
    if not isinstance(used, list) or not all(isinstance(code, str) for code in used):
        raise ValueError("the file holds no list of codes")
    return _Kept(lockout, frozenset(used))


def _count(value: object) -> int:
    if not isinstance(value, int) or not 0 <= value <= MOST:
        raise ValueError("the file holds no counts")
    return int(value)

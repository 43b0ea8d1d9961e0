"""Remembers the door's lock-out on the disk, so that pulling the plug does not end it."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from pathlib import Path

import gevent

from agent.errors import ConfigError
from agent.files import make_private_folder, write_private
from agent.log import FailureLog
from hw.panel.lockout import LockoutRecord

log = logging.getLogger(__name__)

FILE_NAME = "door.json"
MOST = 1000  # of any count; more stands only in a file that somebody else wrote
MOST_BYTES = 1000


class DoorMemory:
    """A file of the state folder; where nothing can be written, the memory ends with the program."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._wanted = LockoutRecord()
        self._stored: LockoutRecord | None = None
        self._writer: gevent.Greenlet[..., None] | None = None
        self._failures = FailureLog(log, "remembering the door's lock-out")

    def load(self) -> LockoutRecord:
        """Read what was remembered; nothing was where the file is missing or damaged."""
        try:
            with self._path.open("rb") as file:
                record = _parse(file.read(MOST_BYTES))
        except FileNotFoundError:
            record = LockoutRecord()
        except (OSError, ValueError) as error:
            log.warning("the door's lock-out was not read: %s", error)
            record = LockoutRecord()
        self._wanted = self._stored = record
        return record

    def remember(self, record: LockoutRecord) -> None:
        """Write it, if it is new, on a thread of its own: a disk may be slow. Returns at once."""
        self._wanted = record
        if self._writer is None and self._wanted != self._stored:
            self._writer = gevent.spawn(self._write)

    def _write(self) -> None:
        try:
            while (record := self._wanted) != self._stored:
                self._stored = record  # tried once: a disk that is full is not asked again before the next change
                gevent.get_hub().threadpool.apply(self._store, (record,))
            self._failures.recovered()
        except (OSError, ConfigError) as error:
            self._failures.failed(error)
        finally:
            self._writer = None

    def _store(self, record: LockoutRecord) -> None:
        make_private_folder(self._path.parent)
        write_private(self._path, json.dumps(asdict(record)).encode())


def _parse(text: bytes) -> LockoutRecord:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError("the file holds no table")
    return LockoutRecord(_count(found.get("wrong")), _count(found.get("lockouts")), found.get("is_locked") is True)


def _count(value: object) -> int:
    if not isinstance(value, int) or not 0 <= value <= MOST:
        raise ValueError("the file holds no counts")
    return int(value)

"""A small file that outlives the process but not the machine: in the service's runtime folder, which is memory.

What lies there may open somebody's call, so it is for this user only, and nothing is believed that another user could
have written.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from agent.errors import LocalFault

MOST_BYTES = 256 * 1024
MODE = 0o600


class RuntimeFile:
    """One file, written whole or not at all."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def save(self, data: bytes) -> None:
        """Replace what is there; nothing to save removes it. OSError."""
        if not data:
            self.path.unlink(missing_ok=True)
            return
        new = self.path.with_name(f".{self.path.name}.new")
        new.unlink(missing_ok=True)
        file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, MODE)
        try:
            with os.fdopen(file, "wb") as stream:
                stream.write(data)
            new.replace(self.path)
        except BaseException:
            with suppress(OSError):
                new.unlink()
            raise

    def load(self) -> bytes:
        """Return what is there, empty where there is nothing; LocalFault for what must not be believed."""
        try:
            file = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise LocalFault(f"{self.path} cannot be read: {error.strerror}") from None
        try:
            self._check(os.fstat(file))
            data = os.read(file, MOST_BYTES + 1)
        finally:
            os.close(file)
        if len(data) > MOST_BYTES:
            raise LocalFault(f"{self.path} has more than {MOST_BYTES} bytes")
        return data

    def _check(self, found: os.stat_result) -> None:
        if not stat.S_ISREG(found.st_mode):
            raise LocalFault(f"{self.path} is no file")
        if found.st_uid != os.geteuid():
            raise LocalFault(f"{self.path} belongs to user {found.st_uid}, not to this one")
        if found.st_mode & 0o077:
            raise LocalFault(f"{self.path} is open to other users (mode {stat.S_IMODE(found.st_mode):o})")

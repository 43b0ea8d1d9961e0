"""The guard of the door's relay on a line that is a file: `1` or `0` in it. Run as a process of its own.

The file named by the chip; a second holder is refused, as the kernel does.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sys
from pathlib import Path

from hw.panel.relay_guard import RelayWiring, main


class FileLine:
    def __init__(self, wiring: RelayWiring) -> None:
        self._path = wiring.chip
        self._file = os.open(wiring.chip, os.O_RDWR | os.O_CREAT)
        self._active_low = wiring.active_low
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY)) from None
        self.set(False)

    def set(self, on: bool) -> None:
        if Path(f"{self._path}.broken").exists():
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        os.pwrite(self._file, b"1" if on != self._active_low else b"0", 0)

    def release(self) -> None:
        os.close(self._file)


if __name__ == "__main__":
    sys.exit(main(FileLine))

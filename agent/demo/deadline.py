"""The last limit of a command that must end with a verdict: it holds when the hub itself stands still."""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
from contextlib import suppress

from agent.closing import Closing

STATUS = 1


class Deadline(Closing):
    """Ends the process with a last line, unless it is closed before; what each thread did is shown then."""

    def __init__(self, within_s: float, last_line: str) -> None:
        self._last_line = last_line
        self._timer = threading.Timer(within_s, self._end)
        self._timer.daemon = True
        self._timer.start()

    def close(self) -> None:
        """End nothing; idempotent."""
        self._timer.cancel()

    def _end(self) -> None:
        with suppress(Exception):
            faulthandler.dump_traceback(sys.stderr)
        with suppress(OSError):
            os.set_blocking(1, False)  # a pipe that nobody reads must not hold this up, too
            os.write(1, f"{self._last_line}\n".encode())
        os._exit(STATUS)

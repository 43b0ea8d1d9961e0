"""The terminal as a front panel: a button's name and Enter press it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import gevent
from gevent.select import select

from agent.closing import Closing

CHUNK_BYTES = 1024


class Keyboard(Closing):
    """Hands each line that is typed to `typed(line)`, on the hub, as long as somebody sits at the terminal."""

    def __init__(self, typed: Callable[[str], None]) -> None:
        self._typed = typed
        self._greenlet = gevent.spawn(self._run) if _is_terminal() else None

    @property
    def listens(self) -> bool:
        """Whether there is a terminal to type at."""
        return self._greenlet is not None

    def close(self) -> None:
        """Listen no longer; idempotent."""
        if self._greenlet is not None:
            self._greenlet.kill(block=False)

    def _run(self) -> None:
        fd = sys.stdin.fileno()
        while True:
            select([fd], [], [])
            if os.tcgetpgrp(fd) != os.getpgrp():  # in the background: reading would stop the process
                gevent.sleep(1)
                continue
            data = os.read(fd, CHUNK_BYTES)
            if not data:
                return
            for line in data.decode(errors="replace").split("\n"):
                if line.strip():
                    self._typed(line.strip())


def _is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()

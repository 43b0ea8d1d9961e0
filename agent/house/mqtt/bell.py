"""What wakes a thread that waits: a pipe, which may be rung from any thread, also after the thread is gone."""

from __future__ import annotations

import math
import os
import select
import threading
from contextlib import suppress
from typing import Any

from agent.closing import Closing


class Bell(Closing):
    """Rung by others; waited for, and closed, by the one thread whose bell it is."""

    def __init__(self) -> None:
        self._rings: int | None
        self._heard, self._rings = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._lock = threading.Lock()  # of `_rings`: a number that is closed may be another file's the next moment

    def ring(self) -> None:
        """Wake the thread, now or where it waits next."""
        with self._lock:
            if self._rings is not None:
                with suppress(BlockingIOError):  # it has not heard the last ones yet
                    os.write(self._rings, b"!")

    def wait(self, wait_s: float, sock: Any = None, *, write: bool = False) -> tuple[bool, bool]:
        """Wait for a ring, or for the socket; whether the socket can be read, and written."""
        poll = select.poll()
        poll.register(self._heard, select.POLLIN)
        if sock is not None:
            poll.register(sock.fileno(), select.POLLIN | (select.POLLOUT if write else 0))
        ready = dict(poll.poll(math.ceil(wait_s * 1000)))
        if ready.pop(self._heard, 0):
            os.read(self._heard, 4096)
        found = next(iter(ready.values()), 0)
        return bool(found & ~select.POLLOUT), bool(found & select.POLLOUT)

    def close(self) -> None:
        """Give the pipe back; a later ring is heard by nobody. Idempotent."""
        with self._lock:
            rings, self._rings = self._rings, None
        if rings is not None:
            os.close(rings)
            os.close(self._heard)

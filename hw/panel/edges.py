"""Waits for edges on all inputs of a board, on one native thread."""

from __future__ import annotations

import logging
import os
import select
import threading
from collections.abc import Callable

from hw.closing import Closing

log = logging.getLogger(__name__)


class Edges(Closing):
    """Calls back, on its own thread, whenever a watched file descriptor has something to read."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._end = os.eventfd(0)
        self._epoll.register(self._end, select.EPOLLIN)
        self._callbacks: dict[int, Callable[[], None]] = {}
        self._thread: threading.Thread | None = None

    def watch(self, fd: int, callback: Callable[[], None]) -> None:
        """Call `callback()` while there is something to read; it must take it, and not block.

        An OSError out of it ends the watch: a chip that was unplugged is readable for ever.
        """
        self._callbacks[fd] = callback
        self._epoll.register(fd, select.EPOLLIN)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="pin-edges", daemon=True)
            self._thread.start()

    def forget(self, fd: int) -> None:
        """Watch no more; before the descriptor is closed. Idempotent."""
        if self._callbacks.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def close(self) -> None:
        """End the thread; idempotent."""
        if self._epoll.closed:
            return
        os.eventfd_write(self._end, 1)
        if self._thread is not None:
            self._thread.join()
        self._epoll.close()
        os.close(self._end)

    def _run(self) -> None:
        while True:
            for fd, _ in self._epoll.poll():
                if fd == self._end:
                    return
                self._call(fd)

    def _call(self, fd: int) -> None:
        callback = self._callbacks.get(fd)
        try:
            if callback is not None:
                callback()
        except OSError as error:
            self.forget(fd)
            log.warning("edges of a pin are lost, only its level is read from now on: %s", error)
        except Exception:  # of one pin; the others are still waited for
            log.exception("the edges of a pin could not be read")

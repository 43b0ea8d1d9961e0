"""What waits to be written to one gevent socket, and the greenlet that writes it."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable
from typing import Any

import gevent
from gevent.event import Event

log = logging.getLogger(__name__)

MAX_UNSENT_BYTES = 1024 * 1024


class SendQueue:
    """Takes at any time, writes once it has a socket; a socket that fails is closed, which wakes its reader."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._work = Event()
        self._writer: gevent.Greenlet[..., None] | None = None

    @property
    def is_full(self) -> bool:
        """Whether whoever puts in more has to stop."""
        return self._waiting_bytes > MAX_UNSENT_BYTES

    @property
    def has_socket(self) -> bool:
        """Whether it has begun to write."""
        return self._writer is not None

    def start(self, sock: Any) -> None:
        """Write to this socket from now on."""
        self._writer = gevent.spawn(self._write, sock)

    def put(self, pieces: Iterable[bytes]) -> None:
        """Write these after all that wait."""
        for piece in pieces:
            self._waiting.append(piece)
            self._waiting_bytes += len(piece)
        self._work.set()

    def stop(self) -> None:
        """Write no more; idempotent."""
        if self._writer is not None:
            self._writer.kill(block=False)

    def _write(self, sock: Any) -> None:
        try:
            while True:
                self._work.wait()
                self._work.clear()
                while self._waiting:
                    piece = self._waiting.popleft()
                    sock.sendall(piece)
                    self._waiting_bytes -= len(piece)
        except OSError as exc:
            log.debug("writing to the signaling socket failed: %s", exc)
            sock.close()  # wakes the reader, which reports it

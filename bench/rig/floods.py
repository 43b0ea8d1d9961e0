"""Peers that send without pause, on loopback, from native threads; each ends by itself."""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import gevent

from bench.rig.ways_in import Connect

LONGEST_S = 15.0  # of one flood that nobody ends

NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Flood:
    """Sends `opening`, then `piece` again and again while it reads, until the other side ends the connection.

    With `again` it then connects anew, until it is stopped.
    """

    def __init__(
        self, connect: Connect, piece: bytes, opening: bytes = b"", longest_s: float = LONGEST_S, again: bool = False
    ) -> None:
        self.sent_bytes = 0
        self.answer = bytearray()  #: what came back first
        self.was_ended = False  #: by the other side
        self._opening, self._piece = opening, piece * (16 * 1024 // len(piece) + 1)
        self._until = time.monotonic() + longest_s
        self._connect = connect
        self._again = again
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether it still sends."""
        return self._thread.is_alive()

    def wait(self) -> None:
        """Wait for its end, in a process without a hub."""
        self._thread.join()

    def join(self, timeout_s: float = LONGEST_S + 5) -> None:
        """Wait for its end, on the hub."""
        gevent.get_hub().threadpool.apply(self._thread.join, (timeout_s,))
        assert not self._thread.is_alive()

    def stop(self) -> None:
        """End it."""
        self._stopped.set()
        self.join()

    def _run(self) -> None:
        self._attack()
        while self._again and self._goes_on():
            self._attack()

    def _attack(self) -> None:
        with suppress(OSError), self._connect() as sock:
            send_both_ways(sock, self._opening, self._piece, self._note, self._goes_on)
        self.was_ended = self._goes_on()

    def _goes_on(self) -> bool:
        return not self._stopped.is_set() and time.monotonic() < self._until

    def _note(self, sent_bytes: int, received: bytes) -> None:
        self.sent_bytes += sent_bytes
        if len(self.answer) < 1_000_000:
            self.answer += received


def send_both_ways(
    sock: socket.socket,
    opening: bytes,
    piece: bytes,
    note: Callable[[int, bytes], None],
    goes_on: Callable[[], bool],
) -> None:
    """Send and read without ever waiting for one of both; returns at the end of the stream. Raises OSError."""
    sock.setblocking(False)
    waiting = memoryview(opening or piece)
    while goes_on():
        select.select([sock], [sock] if waiting else [], [], 0.05)
        try:
            sent = sock.send(waiting) if waiting else 0
            note(sent, b"")
            waiting = waiting[sent:] or memoryview(piece if waiting else b"")
        except NOT_NOW:
            pass
        except OSError:
            waiting = memoryview(b"")  # nobody takes any more, but a last word may have come
        try:
            received = sock.recv(65_536)
            if not received:
                return
            note(0, received)
        except NOT_NOW:
            pass

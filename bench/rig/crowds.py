"""Many peers at one door, on loopback, from native threads: slow ones, silent ones, and those who ask without pause."""

from __future__ import annotations

import select
import socket
import threading
import time
from contextlib import suppress

import gevent

from bench.rig.floods import LONGEST_S
from bench.rig.ways_in import Connect


class Crowd:
    """So many threads that connect, stay for a while, and connect anew, until they are stopped."""

    def __init__(self, connect: Connect, count: int, longest_s: float) -> None:
        self._connect, self._until = connect, time.monotonic() + longest_s
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End them all, on the hub."""
        gevent.get_hub().threadpool.apply(self.end)

    def end(self) -> None:
        """End them all, in a process without a hub."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(5)

    def _goes_on(self) -> bool:
        return not self._stopped.is_set() and time.monotonic() < self._until

    def _run(self) -> None:
        while self._goes_on():
            with suppress(OSError), self._connect() as sock:
                self._stay(sock)

    def _stay(self, sock: socket.socket) -> None:
        raise NotImplementedError


class Slow(Crowd):
    """Each sends `opening`, then a byte in a while."""

    def __init__(self, connect: Connect, opening: bytes, count: int, longest_s: float = LONGEST_S) -> None:
        self.connected = threading.Semaphore(0)  #: released at each connection
        self._opening = opening
        super().__init__(connect, count, longest_s)
        for _ in range(count):
            self.connected.acquire(timeout=10)

    def _stay(self, sock: socket.socket) -> None:
        sock.sendall(self._opening)
        self.connected.release()
        while not self._stopped.wait(0.2) and self._goes_on():
            sock.sendall(b"x")


class Held(Crowd):
    """Each sends `opening` and then nothing, and reads nothing, until it is ended."""

    def __init__(self, connect: Connect, opening: bytes, count: int, longest_s: float = LONGEST_S) -> None:
        self._opening = opening
        super().__init__(connect, count, longest_s)

    def _stay(self, sock: socket.socket) -> None:
        sock.sendall(self._opening)
        ended = select.poll()
        ended.register(sock, select.POLLRDHUP)
        while self._goes_on():
            if ended.poll(200):
                return


class Askers(Crowd):
    """Each asks the same thing, waits a little for the answer, and comes again without pause."""

    def __init__(self, connect: Connect, request: bytes, count: int, longest_s: float = LONGEST_S) -> None:
        self.asked = 0
        self._request = request
        super().__init__(connect, count, longest_s)

    def _stay(self, sock: socket.socket) -> None:
        sock.settimeout(1)
        sock.sendall(self._request)
        self.asked += 1
        sock.recv(65_536)

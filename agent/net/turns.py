"""Turns: how a loop over what others send lets everybody else on the hub run.

A gevent socket does not switch while data waits in it, and after `gevent.sleep(0)` a greenlet runs again in the same
pass of callbacks, up to fifty times before the hub looks at timers, sockets, signals and threads. So whoever keeps a
loop busy would have the hub for itself. A loop that takes turns pauses after a bounded number of steps, on a timer:
everything else that is due is served before the timer is, and a peer that sends without end is read only so fast.
"""

from __future__ import annotations

import io
from typing import Any

import gevent

from agent.errors import OversizeError

PAUSE_S = 0.001
READS_A_TURN = 4
BUFFER_BYTES = 8 * 1024


class Turns:
    """Counts the steps of one loop; each turn has `steps` of them."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._left: float = steps

    def step(self, cost: float = 1) -> None:
        """Note one step, or what costs as much as several; the last of a turn blocks until all others had theirs."""
        self._left -= cost
        if self._left <= 0:
            self._left = self._steps
            gevent.sleep(PAUSE_S)


class FairReader(io.RawIOBase):
    """A raw stream that takes turns over another one, and ends with OversizeError after `most_bytes`."""

    def __init__(self, raw: Any, most_bytes: float) -> None:
        self._raw = raw
        self._left = most_bytes
        self._turns = Turns(READS_A_TURN)

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read some bytes, at most BUFFER_BYTES; 0 at the end."""
        if self._left <= 0:
            raise OversizeError("more is sent than anybody needs to")
        self._turns.step()
        read: int | None = self._raw.readinto(memoryview(buffer)[:BUFFER_BYTES])
        self._left -= read or 0
        return read

    def close(self) -> None:
        """Close both; idempotent."""
        self._raw.close()
        super().close()


def fair_file(sock: Any, most_bytes: float = float("inf")) -> io.BufferedReader:
    """What a gevent socket receives, as a file that takes turns; it raises what the socket does, and OversizeError."""
    return io.BufferedReader(FairReader(sock.makefile("rb", buffering=0), most_bytes), BUFFER_BYTES)

"""Reads a call's socket when somebody is awake anyway, in the place of a wake-up for each packet: policy alone.

Whom a device without a card wakes up for each frame has no use for what arrives in between. So the socket of the
selected pair may be left alone then, because the kernel notes when each packet came. Where that fails (too much
arrives, the frames fail to come) packets are taken in as they arrive, as at all other sockets, and as with a card:
sound that is written at once has its wait for the card in reserve, should the writer be late.
"""

from __future__ import annotations

from agent.media.ice.datagrams import DatagramTransport

MOST_AT_ONCE = 32  # more in one frame is a flood, ...
FLOOD_S = 2.0  # ... and then nothing is left alone for so long
OVERDUE_S = 0.06  # without a frame


class Collector:
    """Looks after at most one socket; `look` must be called every 100 ms or so."""

    def __init__(self) -> None:
        self._paused: DatagramTransport | None = None
        self._collected_at = 0.0
        self._flooded_at = -FLOOD_S

    def collect(self, datagrams: DatagramTransport | None, now: float, may_wait: bool = True) -> None:
        """Take in what waits at the socket; if what comes `may_wait`, leave it alone until the next call of this."""
        if datagrams is None or datagrams is not self._paused or not may_wait:
            self.rest()
            if datagrams is None or now - self._flooded_at < FLOOD_S:
                return
            if not may_wait:
                datagrams.collect(MOST_AT_ONCE)
                return
            self._paused = datagrams
            datagrams.pause()
        self._collected_at = now
        if datagrams.collect(MOST_AT_ONCE) == MOST_AT_ONCE:
            self._flooded_at = now
            self.rest()

    def look(self, now: float) -> None:
        """Let the socket wake us up again if nobody collects any more."""
        if now - self._collected_at > OVERDUE_S:
            self.rest()

    def rest(self) -> None:
        """Leave no socket alone; idempotent."""
        paused, self._paused = self._paused, None
        if paused is not None:
            paused.resume()

"""Puts arriving RTP packets on one timeline: wrapping timestamps, repeats, gaps in the numbers, clocks that jump. Pure.

A media time is an unwrapped RTP timestamp, in 48 kHz samples whatever the codec's clock. A packet whose transit
(arrival minus media time) is absurd is kept aside: alone it is a mistake, but a second one that agrees with it proves
that the sender's clock has jumped, and then a new timeline begins.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from hw.sound.frame import RATE_HZ

_JUMP_SAMPLES = RATE_HZ  # a second: no jitter that can be played out
_MAX_SEEN = 512


class Packet(NamedTuple):
    """One packet of sound; it may repair the one before it, or announce a pause."""

    sequence: int
    time: int
    samples: int
    payload: bytes
    arrival: float
    repairs: bool
    pauses: bool

    @property
    def transit(self) -> float:
        """Arrival minus media time, in samples; only differences mean something."""
        return self.arrival * RATE_HZ - self.time


class Timeline:
    """Where the packets of one RTP stream belong."""

    def __init__(self, clock_rate_hz: int) -> None:
        self._scale = RATE_HZ // clock_rate_hz
        self._base: tuple[int, Packet] | None = None  # the latest packet that was believed, and its timestamp
        self._stray: Packet | None = None
        self._seen: OrderedDict[int, None] = OrderedDict()

    def restart(self) -> None:
        """Forget the stream."""
        self._base = self._stray = None
        self._seen.clear()

    def media_time(self, timestamp: int) -> int:
        """The media time nearest to the latest packet's that wraps to `timestamp`."""
        if self._base is None:
            return timestamp * self._scale
        latest, packet = self._base
        return packet.time + ((timestamp - latest + 0x80000000 & 0xFFFFFFFF) - 0x80000000) * self._scale

    def believe(self, packet: Packet, timestamp: int) -> tuple[Packet, ...]:
        """The packets to be used now: this one, none while it is doubtful, or two where a new timeline begins."""
        if self._base is None or abs(packet.transit - self._base[1].transit) <= _JUMP_SAMPLES:
            self._base, self._stray = (timestamp, packet), None
            return (packet,)
        first, self._stray = self._stray, packet
        if first is None or abs(packet.transit - first.transit) > _JUMP_SAMPLES:
            return ()
        self._base, self._stray = (timestamp, packet), None
        return (first, packet)

    def note(self, sequence: int) -> bool:
        """Remember a sequence number; whether it is new."""
        if sequence in self._seen:
            return False
        self._seen[sequence] = None
        if len(self._seen) > _MAX_SEEN:
            self._seen.popitem(last=False)
        return True

    def complete_between(self, first: int, last: int) -> bool:
        """Whether every sequence number between these two has arrived, so that nothing there was lost."""
        between = last - first - 1 & 0xFFFF
        return between < _MAX_SEEN // 4 and all(first + 1 + i & 0xFFFF in self._seen for i in range(between))

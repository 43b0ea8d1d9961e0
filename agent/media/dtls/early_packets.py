"""Keeps what an address sent until a check shows that the far end is there: pure, bounded, for a short time.

The far end's first packets may overtake its answer to our check, and come from a new address when a NAT was rebound:
they wait a round trip. What a stranger sends is given up after a second, and takes the room of a few packets only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

MOST_SOURCES = 8
MOST_PACKETS = 16  # of one source: 300 ms of sound
KEPT_S = 1.0

_Source = TypeVar("_Source")
Delivery = Callable[[], None]


class EarlyPackets(Generic[_Source]):
    """Packets by their source."""

    def __init__(self) -> None:
        self._kept: dict[_Source, deque[tuple[float, Delivery]]] = {}
        self._lost: list[_Source] = []

    def keep(self, source: _Source, deliver: Delivery, now: float) -> None:
        """Keep one packet; the oldest of its source, or the source that was silent for the longest, makes room."""
        packets = self._kept.pop(source, deque())
        self._kept[source] = packets
        packets.append((now, deliver))
        if len(packets) > MOST_PACKETS:
            self._drop(source, 1)
        if len(self._kept) > MOST_SOURCES:
            longest = next(iter(self._kept))
            self._drop(longest, len(self._kept[longest]))

    def release(self, source: _Source) -> None:
        """Deliver what that source sent, in its order."""
        for _, deliver in self._kept.pop(source, ()):
            deliver()

    def give_up(self, now: float) -> list[_Source]:
        """Drop what waited too long; returns the sources of all that was dropped since the last call, one a packet."""
        for source, packets in list(self._kept.items()):
            self._drop(source, sum(now - at > KEPT_S for at, _ in packets))
        lost, self._lost = self._lost, []
        return lost

    def _drop(self, source: _Source, count: int) -> None:
        packets = self._kept[source]
        for _ in range(count):
            packets.popleft()
        if not packets:
            del self._kept[source]
        self._lost += [source] * count

"""Recent transit times of packets, as a sliding window of quantiles. Pure.

Transit is arrival time minus media time. Its absolute value means nothing (the clocks are unrelated); how it spreads
is the jitter, and how it moves is drift or a change of the path.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque

WINDOW_S = 3.0
MIN_PACKETS, MAX_PACKETS = 40, 400  # a sender that pauses must not be forgotten meanwhile
MOST_LATE = 8  # at most one in so many packets is given up


class TransitWindow:
    """The transits of the last few seconds, in 48 kHz samples."""

    def __init__(self) -> None:
        self._recent: deque[tuple[float, float]] = deque()
        self._ordered: list[float] = []
        self._usual: dict[float, float] = {}  # by price
        self.count = 0  #: of the transits in it
        self.fastest = 0.0  #: the smallest transit, where there is one

    def add(self, now: float, transit: float) -> None:
        """Note one packet, and forget those older than the window."""
        recent, ordered = self._recent, self._ordered
        recent.append((now, transit))
        insort(ordered, transit)
        self._usual.clear()
        while (count := len(recent)) > MIN_PACKETS and (count > MAX_PACKETS or now - recent[0][0] > WINDOW_S):
            _, old = recent.popleft()
            del ordered[bisect_left(ordered, old)]
        self.count, self.fastest = count, ordered[0]

    def clear(self) -> None:
        """Forget everything."""
        self.count = 0
        self._recent.clear()
        self._ordered.clear()
        self._usual.clear()

    def usual(self, price: float) -> float:
        """Return the transit worth waiting for when each packet that comes later costs `price` / number of packets.

        A dense tail is waited for, a few stragglers far behind it are not. The window must not be empty.
        """
        known = self._usual.get(price)
        if known is not None:
            return known
        ordered, count = self._ordered, len(self._ordered)
        each = price / count
        best, least = count - 1, ordered[-1]
        for late in range(1, min(count, 1 + count // MOST_LATE)):
            if ordered[0] + late * each >= least:
                break  # not even the fastest transit could make up for so many late packets
            cost = ordered[count - 1 - late] + late * each
            if cost < least:
                best, least = count - 1 - late, cost
        self._usual[price] = found = ordered[best]
        return found

"""Recent transit times of packets, as a sliding window of quantiles. Pure.

Transit is arrival time minus media time. Its absolute value means nothing (the clocks are unrelated); how it spreads
is the jitter, and how it moves is drift or a change of the path.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque

WINDOW_S = 3.0
WINDOW_PACKETS = 400


class TransitWindow:
    """The transits of the last few seconds, in 48 kHz samples."""

    def __init__(self) -> None:
        self._recent: deque[tuple[float, float]] = deque()
        self._ordered: list[float] = []

    def __len__(self) -> int:
        return len(self._ordered)

    def add(self, now: float, transit: float) -> None:
        """Note one packet, and forget those older than the window."""
        self._recent.append((now, transit))
        insort(self._ordered, transit)
        while len(self._recent) > WINDOW_PACKETS or (len(self._recent) > 1 and now - self._recent[0][0] > WINDOW_S):
            _, old = self._recent.popleft()
            del self._ordered[bisect_left(self._ordered, old)]

    def clear(self) -> None:
        """Forget everything."""
        self._recent.clear()
        self._ordered.clear()

    @property
    def latest(self) -> float:
        """The transit of the newest packet; the window must not be empty."""
        return self._recent[-1][1]

    @property
    def fastest(self) -> float:
        """The smallest transit; the window must not be empty."""
        return self._ordered[0]

    def quantile(self, share: float) -> float:
        """The transit that `share` (0..1) of the packets did not exceed; the window must not be empty."""
        return self._ordered[int((len(self._ordered) - 1) * share)]

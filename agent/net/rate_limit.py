"""A limit (a token bucket): so much a second on average, with bursts."""

from __future__ import annotations

BURST_S = 5.0


class RateLimit:
    """Allows `rate_per_s` on average and `BURST_S` seconds' worth at once; pure, `now` is monotonic seconds."""

    def __init__(self, rate_per_s: float, now: float) -> None:
        self._rate_per_s = rate_per_s
        self._size = max(1.0, rate_per_s * BURST_S)
        self._level = self._size
        self._at = now

    def take(self, now: float, amount: float = 1.0) -> bool:
        """Take `amount`; False, and nothing taken, when there is less left."""
        self._level = min(self._size, self._level + (now - self._at) * self._rate_per_s)
        self._at = now
        if self._level < amount:
            return False
        self._level -= amount
        return True

"""A steady beat from a clock that only goes forward: how many frames are due, and how long to wait. Pure."""

from __future__ import annotations


class Pacer:
    """Counts periods since `now`; after a long gap it skips what was missed instead of rushing through it."""

    def __init__(self, period_s: float, now: float, *, most_at_once: int = 10) -> None:
        self._period_s = period_s
        self._most = most_at_once
        self.restart(now)

    def take_due(self, now: float) -> int:
        """Count the periods that have ended since the last call, and take them: they are done then."""
        due = int((now - self._start) / self._period_s + 1e-9) - self._done
        if due <= 0:
            return 0
        if due > self._most:
            self.restart(now)
            return 1
        self._done += due
        self.next_at = self._start + (self._done + 1) * self._period_s
        return due

    def restart(self, now: float) -> None:
        """Begin a new count at `now`."""
        self._start, self._done = now, 0
        self.next_at = now + self._period_s  #: when the next period ends, or ended

    def wait_s(self, now: float) -> float:
        """Tell how long until the next period ends; 0 when it already has."""
        return max(0.0, self.next_at - now)

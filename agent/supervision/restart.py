"""When to start a failed part again, and when to stop trying; pure, time is an argument.

A part that fails is started again after a pause that doubles with each failure, up to a cap, and falls back to the
first pause once the part has lived for `window_s`. More than `limit` restarts within `window_s` mean that restarting
does not help: whoever owns the part has to give up, so that the next larger thing (here: the process) starts afresh.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field


@dataclass(frozen=True)
class RestartLimits:
    """How patient to be with a failing part."""

    limit: int = 5
    window_s: float = 60.0
    first_pause_s: float = 0.2
    longest_pause_s: float = 5.0


@dataclass
class RestartIntensity:
    """Remembers one part's failures and decides what to do about the next."""

    limits: RestartLimits = RestartLimits()
    _failures: deque[float] = field(default_factory=deque)

    def failed(self, now: float) -> float | None:
        """Note a failure; the pause in seconds before the next start, or None to give up."""
        while self._failures and now - self._failures[0] >= self.limits.window_s:
            self._failures.popleft()
        self._failures.append(now)
        count = len(self._failures)
        if count > self.limits.limit:
            return None
        pause_s: float = self.limits.first_pause_s * 2 ** (count - 1)
        return min(pause_s, self.limits.longest_pause_s)

"""How long a speaker's callback may wait before it takes its sound. Pure.

A card has two periods, so that one of them waits in front of a callback; a sound server insists on three. What waits
beyond one period is only delay: a callback that is held back takes what came in the meantime. Where the card ran dry
nothing is held back for a while, and then little by little.
"""

from __future__ import annotations

import math


class CallbackHold:
    """Asked in each callback of one stream."""

    KEPT_MS = 12.0  # in front of what is taken, at least; a period where that is more
    SPARE_MS = 3.0  # of a period, which must be over before the next one
    STRETCH = 1.002  # no clock is so slow
    STARTS_S = 1.0
    CALM_S = 15.0
    STEP_MS = 2.0  # more after each calm second

    def __init__(self, period_ms: int, in_front_ms: float) -> None:
        """`in_front_ms` is what waits in the card when a callback is asked for a period."""
        spare_ms = min(in_front_ms - max(self.KEPT_MS, period_ms), period_ms - self.SPARE_MS)
        self.most_ms = max(0.0, spare_ms)
        self._period_s = period_ms / 1000 * self.STRETCH
        self.restart()

    def restart(self) -> None:
        """Begin again without a wait: the stream was started, and takes several periods at once."""
        self.hold_ms = 0.0
        self._starts_until = self._next_step_at = self._took_at = -math.inf

    def wait_s(self, now: float, ran_dry: bool) -> float:
        """Tell how long to wait from `now` on, when a callback was called; the card may have run dry before."""
        if self._starts_until == -math.inf:
            self._starts_until = self._next_step_at = now + self.STARTS_S
        if ran_dry and now > self._starts_until:
            self.hold_ms, self._next_step_at = 0.0, now + self.CALM_S
        elif now >= self._next_step_at:
            self.hold_ms, self._next_step_at = min(self.most_ms, self.hold_ms + self.STEP_MS), now + 1.0
        # A callback that is called late must not be late by as much again.
        at = min(now + self.hold_ms / 1000, max(now, self._took_at + self._period_s)) if self.hold_ms else now
        self._took_at = at
        return at - now

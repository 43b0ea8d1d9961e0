"""When sound that waits for nothing is cut out: soon where it clearly is too much, later where it just is so. Pure.

The delay changes by whole steps, so what is spare lies anywhere between nothing and a step, and stays there while the
clocks of both ends agree. Whoever cuts only what is clearly more than a step leaves a whole one in many calls. Whoever
cuts at the very step adds it again at the next packet that is a little later, and each joint can be heard. So a
step that is just spare is cut after a while, and after twice that while where the cut before had to be taken back.
Where the delay was too short lately, as on a network with a late packet every few seconds, all cuts wait longer.
"""

from __future__ import annotations

import math


class SpareTime:
    """Told the excess with each packet that is played, and of each step that is added."""

    CLEARLY_MS, CALM_S = 3.0, 0.5
    JUST_MS, PATIENCE_S, MOST_PATIENCE_S = 0.5, 3.0, 60.0
    HURRY_MS = 40.0  # so much is cut at once
    SHORT_S, WARY_S = 30.0, 3.0  # after a delay that was too short it must be clearly spare for longer

    def __init__(self) -> None:
        self.patience_s = self.PATIENCE_S
        self._clearly_since = self._just_since = math.inf
        self._cut_at = self._short_at = -math.inf

    def steps(self, now: float, excess_ms: float, step_ms: float) -> int:
        """Count the whole steps that may be cut now."""
        if excess_ms < step_ms + self.JUST_MS:
            self._clearly_since = self._just_since = math.inf
            return 0
        clearly, just = (int((excess_ms - more) // step_ms) for more in (self.CLEARLY_MS, self.JUST_MS))
        self._clearly_since = min(self._clearly_since, now) if clearly else math.inf
        self._just_since = min(self._just_since, now)
        if clearly * step_ms >= self.HURRY_MS or now - self._clearly_since >= self._calm_s(now):
            return clearly
        if now - self._just_since < self.patience_s:
            return 0
        self._cut_at = now
        return just

    def _calm_s(self, now: float) -> float:
        return self.WARY_S if now - self._short_at < self.SHORT_S else self.CALM_S

    def added(self, now: float) -> None:
        """Note that nothing was spare, and that sound is added: a cut that is undone so soon was one too many."""
        self._short_at = now
        self._clearly_since = self._just_since = math.inf
        if now - self._cut_at < self.patience_s:
            self.patience_s = min(self.MOST_PATIENCE_S, 2 * self.patience_s)
            self._cut_at = -math.inf

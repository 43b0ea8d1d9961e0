"""When sound that waits for nothing is cut out: soon where it clearly is too much, later where it just is so. Pure.

The delay changes by whole steps, so what is spare lies anywhere between nothing and a step, and stays there while the
clocks of both ends agree. Whoever cuts only what is clearly more than a step leaves a whole one in many calls. Whoever
cuts at the very step adds it again at the next packet that is a little later, and each joint can be heard. So a
step that is just spare is cut after a while. Where the delay was too short lately, as on a network with a late packet
every few seconds, all cuts wait longer; and each cut that had to be taken back doubts the next ones: they wait twice as
long. A microphone whose clock and blocks do not agree sends such a delay, which swings by a frame every few seconds.
"""

from __future__ import annotations

import math

from agent.media.jitter.decision import HURRY_SAMPLES
from hw.sound.frame import RATE_HZ


class SpareTime:
    """Told the excess with each packet that is played, and of each step that is added."""

    CLEARLY_MS, CALM_S = 3.0, 0.5
    JUST_MS, PATIENCE_S = 0.5, 3.0
    WORTH_S, MOST_DOUBT = 20.0, 20  # a cut that is undone sooner was not worth its joints
    HURRY_MS = HURRY_SAMPLES * 1000 / RATE_HZ  # so much is cut at once
    SHORT_S, WARY_S = 30.0, 3.0  # after a delay that was too short it must be clearly spare for longer

    def __init__(self) -> None:
        self.doubt = 1  #: how many times as long as at first to wait
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
        if clearly * step_ms >= self.HURRY_MS:
            return clearly
        calm_s = self.WARY_S if now - self._short_at < self.SHORT_S else self.CALM_S
        if now - self._clearly_since < self.doubt * calm_s:
            if now - self._just_since < self.doubt * self.PATIENCE_S:
                return 0
            clearly = just
        self._cut_at = now
        return clearly

    def added(self, now: float) -> None:
        """Note that nothing was spare, and that sound is added: a cut that is undone so soon was one too many."""
        self._short_at = now
        self._clearly_since = self._just_since = math.inf
        if now - self._cut_at < self.WORTH_S:
            self.doubt = min(2 * self.doubt, self.MOST_DOUBT)
            self._cut_at = -math.inf

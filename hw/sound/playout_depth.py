"""How long before the card needs it far-end sound should be written: learnt from how late it comes. Pure.

Whoever writes wakes up a little late, takes a while to make the sound, and does not know exactly when the callback
comes. All this shows in how long the sound that came last of all waited for its callback: what is less than the target
is lateness. The target follows the greatest lateness of the last while: up at once, down slowly. A ring that ran dry
was late by an unknown time.
"""

from __future__ import annotations

import math
from collections import deque


class PlayoutDepth:
    """How long before the card needs it far-end sound should be written, so that the ring does not run dry.

    Whoever writes knows when sound is due, and keeps no more in the ring than the network asks for; this is the share
    of the card and of the machine.
    """

    START_MS = 8  # of a machine that is not known yet
    GUARD_MS = 2
    DRY_MS = 5  # what a ring that ran dry was late by, at least
    SILENCE_S, STARTS_S = 2.0, 0.5  # how the first sound after a silence comes says nothing about the rest
    ONCE_S = 0.3  # what runs dry again within it is the same accident
    SECONDS = 60  # with sound; what came later in none of them is not expected any more, and a fault a minute is few
    STEP_DOWN_MS = 1  # in a second

    def __init__(self, least_ms: int, most_ms: int) -> None:
        """Limits of `target_ms`."""
        self._least, self._most = least_ms, max(least_ms, most_ms)
        self.target_ms = self._bounded(self.START_MS)
        self._late_ms: deque[float] = deque(maxlen=self.SECONDS)  # in each second
        self._second_began = self._heard_at = self._starts_until = -math.inf
        self._underruns = 0
        self._dry_at = -math.inf

    def update(self, now: float, underruns: int, least_wait_ms: float) -> None:
        """Note the ring's count of underruns so far, and the shortest wait since the last call (infinite: no sound)."""
        dry, self._underruns = underruns > self._underruns, underruns
        if least_wait_ms < math.inf:
            if now - self._heard_at > self.SILENCE_S:
                self._starts_until = now + self.STARTS_S
            self._heard_at = now
        if now < self._starts_until:
            return
        if dry and now - self._dry_at > self.ONCE_S:
            self._dry_at = now
            self._note(now, self.target_ms + self.DRY_MS)
        elif not dry and least_wait_ms < math.inf:
            self._note(now, self.target_ms - least_wait_ms)

    def _note(self, now: float, late_ms: float) -> None:
        if now - self._second_began >= 1.0:
            self._second_began = now
            self._late_ms.append(late_ms)
            self.target_ms -= self.STEP_DOWN_MS
        else:
            self._late_ms[-1] = max(self._late_ms[-1], late_ms)
        self.target_ms = self._bounded(max(self.target_ms, max(self._late_ms) + self.GUARD_MS))

    def _bounded(self, ms: float) -> int:
        return min(self._most, max(self._least, math.ceil(ms)))

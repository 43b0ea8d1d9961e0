"""How long before the card needs it far-end sound should be written. Pure."""

from __future__ import annotations

import math


class PlayoutDepth:
    """How long before the card needs it far-end sound should be written, so that the ring does not run dry.

    Whoever writes knows when sound is due, and keeps no more in the ring than the network asks for; this is the share
    of the card and of the machine. To run dry once is an accident; when that repeats, the target grows. It shrinks
    after a calm.
    """

    STEP_UP_MS = 10
    STEP_DOWN_MS = 5
    CALM_S = 15.0
    ONCE_S, AGAIN_S = 0.3, 8.0

    def __init__(self, least_ms: int, most_ms: int) -> None:
        """Limits of `target_ms`."""
        self._least, self._most = least_ms, max(least_ms, most_ms)
        self.target_ms = least_ms
        self._underruns = 0
        self._calm_since = 0.0
        self._dry_at = -math.inf

    def update(self, now: float, underruns: int) -> None:
        """Note the ring's count of underruns so far."""
        dry, self._underruns = underruns > self._underruns, underruns
        if dry:
            self._ran_dry(now)
        elif now - self._calm_since >= self.CALM_S:
            self.target_ms = max(self._least, self.target_ms - self.STEP_DOWN_MS)
            self._calm_since = now

    def _ran_dry(self, now: float) -> None:
        if now - self._dry_at > self.AGAIN_S:
            self._dry_at = now
        elif now - self._dry_at > self.ONCE_S:
            self.target_ms = min(self._most, self.target_ms + self.STEP_UP_MS)
            self._dry_at = now
        self._calm_since = now

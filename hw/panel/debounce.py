"""From a bouncing level to clean presses: pure, on levels and time.

A level counts once it has stood still for the settling time, counted from its own edge, however late the edges are
delivered. An edge alone proves nothing: cables pick up spikes, and the kernel sometimes reports no edge at all for a
release (gpiozero#1039, #550; lg#18). So the owner re-reads the level whenever `due` has come: at the end of the
settling time, and regularly in between.
"""

from __future__ import annotations

import math

REREAD_PRESSED_S = 0.05
REREAD_RELEASED_S = 1.0


class Debounce:
    """Tells when a contact really changed; times are monotonic seconds."""

    def __init__(self, settle_s: float, pressed: bool, now: float) -> None:
        self.pressed = pressed  #: the settled level
        self.changed_at = now  #: when it settled
        self._settle_s = settle_s
        self._level = pressed
        self._since = now
        self._read_at = now

    @property
    def due(self) -> float:
        """When the level must be read again."""
        if self._level != self.pressed:
            return self._since + self._settle_s
        if self.pressed:
            return self._read_at + REREAD_PRESSED_S
        # On the second: then all buttons, and whatever else looks each second, are looked at in one wake-up.
        return (math.floor(self._read_at / REREAD_RELEASED_S) + 1) * REREAD_RELEASED_S

    def edge(self, level: bool, at: float) -> bool:
        """Note an edge to `level` at time `at`; True when the level before it had settled and `pressed` changed."""
        if level == self._level:
            return False
        changed = self._settle(at)
        self._level, self._since = level, at
        return changed

    def read(self, level: bool, now: float) -> bool:
        """Note the level read at `now`; True when it has settled and `pressed` changed."""
        self._read_at = now
        if level != self._level:  # its edge was lost, nobody knows when: it starts now
            self._level, self._since = level, now
        return self._settle(now)

    def _settle(self, now: float) -> bool:
        if self._level == self.pressed or now < self._since + self._settle_s:
            return False
        self.pressed = self._level
        self.changed_at = self._since + self._settle_s
        return True

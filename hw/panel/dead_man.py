"""The rule of a dead man's switch, pure: an output is held only while whoever holds it goes on saying so.

hold       -> on, for `silence_s` from now, but never longer than `longest_s` from its first moment on
let go     -> off
silence    -> off at the deadline, whoever should have said so
"""

from __future__ import annotations


class DeadMan:
    """Says whether the output is held; times are monotonic seconds."""

    def __init__(self, silence_s: float, longest_s: float) -> None:
        self.is_held = False
        self._silence_s = silence_s
        self._longest_s = longest_s
        self._since = 0.0
        self._until = 0.0

    def hold(self, now: float) -> None:
        """Take the output, or keep it."""
        if not self.is_held:
            self._since = now
        self.is_held = True
        self._until = min(now + self._silence_s, self._since + self._longest_s)

    def let_go(self) -> None:
        """Give the output back; idempotent."""
        self.is_held = False

    def deadline(self) -> float | None:
        """Tell when `tick` is due; None while nothing is held."""
        return self._until if self.is_held else None

    def tick(self, now: float) -> bool:
        """Let time pass; True when the silence has lasted too long and the output was let go for it."""
        late = self.is_held and now >= self._until
        if late:
            self.is_held = False
        return late

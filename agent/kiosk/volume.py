"""The speaker's volume in percent, as buttons and the page change it."""

from __future__ import annotations

from collections.abc import Callable


class Volume:
    """Clamped to 0..100; `apply(gain)` is given the amplitude factor after each change."""

    def __init__(self, percent: int, step_percent: int, apply: Callable[[float], None]) -> None:
        self.percent = percent
        self._step = step_percent
        self._apply = apply
        self.set(percent)

    def set(self, percent: int) -> None:
        """Set it; a square law follows the ear closely enough."""
        self.percent = max(0, min(100, percent))
        self._apply((self.percent / 100) ** 2)

    def up(self) -> None:
        """One step louder."""
        self.set(self.percent + self._step)

    def down(self) -> None:
        """One step softer."""
        self.set(self.percent - self._step)

"""A number that is typed digit by digit on buttons of the panel. Pure.

It is complete when an entry has it and no other number begins with it, when somebody says so, or after a pause. What no
number begins with is nobody's at once, so that whoever slips hears it and begins anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Choice:
    """What was typed: a number that somebody has; empty: nobody has it."""

    number: str


class TypedNumber:
    """The digits so far; times are monotonic seconds."""

    def __init__(self, numbers: Iterable[str], pause_s: float) -> None:
        self._numbers = frozenset(numbers)
        self._pause_s = pause_s
        self._typed = ""
        self._last_at = 0.0

    def __len__(self) -> int:
        return len(self._typed)

    @property
    def deadline(self) -> float | None:
        """When what was typed counts as complete; None while nothing was."""
        return self._last_at + self._pause_s if self._typed else None

    def digit(self, digit: str, now: float) -> Choice | None:
        """Take a digit; returns what it completes."""
        self._typed, self._last_at = self._typed + digit, now
        going_on = [number for number in self._numbers if number.startswith(self._typed)]
        return None if going_on and going_on != [self._typed] else self.complete()

    def complete(self) -> Choice | None:
        """Take what was typed as it is; None when nothing was."""
        typed, self._typed = self._typed, ""
        return Choice(typed if typed in self._numbers else "") if typed else None

    def tick(self, now: float) -> Choice | None:
        """Take what was typed if the pause is over."""
        return self.complete() if self.deadline is not None and now >= self.deadline else None

    def clear(self) -> bool:
        """Forget what was typed; False when nothing was."""
        was_there, self._typed = bool(self._typed), ""
        return was_there

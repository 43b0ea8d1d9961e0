"""A span of some days of the week: when a night begins, when a code is good. Local time. Pure.

A span that goes over midnight belongs to the day on which it begins, whatever day its end is.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time
from typing import NamedTuple

from hw.errors import SettingError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class WeekHours(NamedTuple):
    """From `start` until just before `end` on `days` (0 is Monday); whole days where the two are the same."""

    days: frozenset[int]
    start: time
    end: time

    @classmethod
    def parse(cls, days: Iterable[str], start: str, end: str) -> WeekHours:
        """Read names of days and two `HH:MM`; no day means every day, no hours the whole day. Raises SettingError."""
        if bool(start) != bool(end):
            raise SettingError(f"hours need a start and an end; the {'end' if start else 'start'} is missing")
        if start and start == end:
            raise SettingError("the hours begin and end at the same time: no time lies between them")
        named = frozenset(DAYS.index(day) for day in days) or frozenset(range(7))
        return cls(named, time.fromisoformat(start or "00:00"), time.fromisoformat(end or "00:00"))

    def hold_at(self, now: datetime) -> bool:
        """Tell whether this local time is within them."""
        clock = now.time()
        if self.start < self.end:
            return now.weekday() in self.days and self.start <= clock < self.end
        if clock >= self.start:
            return now.weekday() in self.days
        return clock < self.end and (now.weekday() - 1) % len(DAYS) in self.days

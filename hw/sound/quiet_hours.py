"""A span of every day in which the box rings softly, or not at all. Pure."""

from __future__ import annotations

import re
from datetime import time
from typing import NamedTuple

from hw.errors import HardwareError

_HH_MM = re.compile(r"^([01]?\d|2[0-3]):([0-5]\d)$")


def parse_time(text: str) -> time:
    """Read `22:00` as a time of day; HardwareError says what was expected."""
    match = _HH_MM.match(text.strip())
    if match is None:
        raise HardwareError(f"{text!r} is no time of day: write hours and minutes, such as 22:00")
    return time(int(match[1]), int(match[2]))


class QuietHours(NamedTuple):
    """From `start` until just before `end`, over midnight where the end is the earlier one; none if they are equal."""

    start: time
    end: time

    @classmethod
    def parse(cls, start: str, end: str) -> QuietHours:
        """Read two `HH:MM`; an empty one means that there are no quiet hours."""
        if not start or not end:
            return cls(time(0), time(0))
        return cls(parse_time(start), parse_time(end))

    def hold_at(self, now: time) -> bool:
        """Tell whether it is quiet at this local time of day."""
        if self.start <= self.end:
            return self.start <= now < self.end
        return now >= self.start or now < self.end

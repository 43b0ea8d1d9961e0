"""Quiet hours: by the clock on the wall, also over midnight."""

from __future__ import annotations

from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.errors import HardwareError
from hw.sound.quiet_hours import QuietHours


@pytest.mark.parametrize(
    ("start", "end", "now", "quiet"),
    [
        ("22:00", "07:00", time(23, 30), True),
        ("22:00", "07:00", time(6, 59, 59), True),
        ("22:00", "07:00", time(7, 0), False),
        ("22:00", "07:00", time(12, 0), False),
        ("22:00", "07:00", time(22, 0), True),
        ("13:00", "15:00", time(14, 0), True),
        ("13:00", "15:00", time(15, 0), False),
        ("", "", time(0, 0), False),
        ("22:00", "", time(23, 0), False),
        ("08:00", "08:00", time(8, 0), False),
    ],
)
def test_quiet_hours_hold_between_their_ends(start: str, end: str, now: time, quiet: bool) -> None:
    assert QuietHours.parse(start, end).hold_at(now) is quiet


@given(st.times(), st.times(), st.times())
def test_quiet_and_loud_hours_share_the_day(start: time, end: time, now: time) -> None:
    if start != end:
        assert QuietHours(start, end).hold_at(now) is not QuietHours(end, start).hold_at(now)


@pytest.mark.parametrize("text", ["24:00", "7", "07:60", "seven"])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(HardwareError, match="no time of day"):
        QuietHours.parse(text, "07:00")

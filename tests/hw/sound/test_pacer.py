"""The beat: neither lost nor rushed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.sound.pacer import Pacer


def test_a_period_is_due_only_when_it_has_ended() -> None:
    pacer = Pacer(0.02, now=5.0)
    assert pacer.take_due(5.019) == 0
    assert pacer.wait_s(5.019) == pytest.approx(0.001)
    assert pacer.take_due(5.020) == 1
    assert pacer.take_due(5.021) == 0


def test_a_late_wake_up_makes_up_for_it() -> None:
    pacer = Pacer(0.02, now=0.0)
    assert pacer.take_due(0.105) == 5
    assert pacer.wait_s(0.105) == pytest.approx(0.015)


def test_after_a_long_gap_what_was_missed_is_skipped() -> None:
    pacer = Pacer(0.02, now=0.0, most_at_once=10)
    assert pacer.take_due(60.0) == 1
    assert pacer.take_due(60.019) == 0
    assert pacer.take_due(60.021) == 1


@given(st.lists(st.floats(0.0, 0.15), min_size=1, max_size=60))
def test_however_irregular_the_calls_no_period_is_lost_or_doubled(gaps: list[float]) -> None:
    pacer, now, total = Pacer(0.02, now=0.0), 0.0, 0
    for gap in gaps:
        now += gap
        total += pacer.take_due(now)
    assert total == int(now / 0.02 + 1e-9)

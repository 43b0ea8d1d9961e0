"""A callback waits as long as the card can spare, and not at all where the card ran dry."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.sound.callback_hold import CallbackHold


def played(hold: CallbackHold, seconds: float, since: float = 0.0, period_s: float = 0.010) -> list[float]:
    """The waits of callbacks that come when they should, for so long."""
    return [hold.wait_s(since + n * period_s, False) for n in range(round(seconds / period_s))]


@pytest.mark.parametrize(
    ("period_ms", "in_front_ms", "most_ms"),
    [(10, 10, 0), (10, 20, 7), (20, 40, 17), (5, 10, 0), (5, 40, 2)],
)
def test_only_what_waits_in_the_card_beyond_a_period_is_spared(period_ms: int, in_front_ms: int, most_ms: int) -> None:
    assert CallbackHold(period_ms, in_front_ms).most_ms == most_ms


def test_the_wait_grows_little_by_little_once_the_stream_runs() -> None:
    hold = CallbackHold(10, 20)
    waits = played(hold, 10.0)
    assert set(waits[:100]) == {0.0}
    assert max(later - before for before, later in pairwise(waits)) <= 0.003
    assert waits[-1] == pytest.approx(0.007, abs=1e-4)


def test_a_card_that_ran_dry_is_served_at_once_for_a_while() -> None:
    hold = CallbackHold(10, 20)
    played(hold, 10.0)
    assert hold.wait_s(10.0, True) == 0
    assert set(played(hold, 14.9, since=10.01)) == {0.0}
    assert played(hold, 10.0, since=25.1)[-1] == pytest.approx(0.007, abs=1e-4)


def test_a_callback_that_is_called_late_waits_less() -> None:
    hold = CallbackHold(10, 20)
    played(hold, 10.0)
    assert hold.wait_s(10.004, False) == pytest.approx(0.003, abs=1e-3)
    assert hold.wait_s(10.030, False) == 0


def test_a_stream_that_is_started_again_is_served_at_once() -> None:
    hold = CallbackHold(10, 20)
    played(hold, 10.0)
    hold.restart()
    assert set(played(hold, 0.9, since=60.0)) == {0.0}


@given(
    st.sampled_from([5, 10, 20, 40]),
    st.floats(0, 200),
    st.lists(st.tuples(st.floats(0, 0.2), st.booleans()), max_size=200),
)
def test_no_callback_waits_longer_than_the_card_can_spare(
    period_ms: int, in_front_ms: float, callbacks: list[tuple[float, bool]]
) -> None:
    hold, now = CallbackHold(period_ms, in_front_ms), 0.0
    for gap_s, ran_dry in callbacks:
        now += gap_s
        wait_s = hold.wait_s(now, ran_dry)
        assert 0 <= wait_s <= hold.most_ms / 1000 + 1e-9
        assert wait_s * 1000 <= max(0.0, in_front_ms - period_ms)
        now += wait_s


def test_a_clock_that_is_a_little_slow_changes_nothing() -> None:
    hold = CallbackHold(10, 20)
    assert played(hold, 30.0, period_s=0.010005)[-1] == pytest.approx(0.007, abs=1e-4)

"""What is spare is cut: soon where it is clearly too much, later where it just is so, rarely where that was undone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.media.jitter.spare_time import SpareTime

STEP_MS = 10.0
PACKET_S = 0.02


def cut_after(spare: SpareTime, excess_ms: float, most_s: float, since: float = 0.0) -> float | None:
    """After how long of this excess something is cut; None: not within `most_s`."""
    for packet in range(round(most_s / PACKET_S) + 1):
        if spare.steps(since + packet * PACKET_S, excess_ms, STEP_MS):
            return packet * PACKET_S
    return None


@pytest.mark.parametrize(
    ("excess_ms", "after_s"),
    [(10.4, None), (10.6, SpareTime.PATIENCE_S), (12.9, SpareTime.PATIENCE_S), (13.1, SpareTime.CALM_S), (43.1, 0.0)],
)
def test_the_more_is_spare_the_sooner_it_is_cut(excess_ms: float, after_s: float | None) -> None:
    found = cut_after(SpareTime(), excess_ms, 60.0)
    assert found == after_s if after_s is None else found == pytest.approx(after_s, abs=PACKET_S)


def test_what_is_spare_only_now_and_then_stays() -> None:
    spare = SpareTime()
    for second in range(30):
        assert cut_after(spare, 10.8, 0.9, since=second) is None
        assert not spare.steps(second + 0.95, 10.2, STEP_MS)


def test_several_steps_are_cut_together() -> None:
    spare = SpareTime()
    spare.steps(0.0, 23.2, STEP_MS)
    assert spare.steps(SpareTime.CALM_S, 23.2, STEP_MS) == 2


@pytest.mark.parametrize(
    ("excess_ms", "at_first_s", "most_s"),
    [(10.8, SpareTime.PATIENCE_S, 60.0), (13.1, SpareTime.WARY_S, SpareTime.SHORT_S - 0.5)],
)
def test_a_cut_that_is_undone_soon_is_not_tried_again_for_twice_as_long(
    excess_ms: float, at_first_s: float, most_s: float
) -> None:
    spare, now, doubt = SpareTime(), 0.0, 1
    spare.added(now)
    for _ in range(8):
        waited = cut_after(spare, excess_ms, 61.0, since=now)
        assert waited == pytest.approx(min(doubt * at_first_s, most_s), abs=2 * PACKET_S)
        now += waited + 0.5
        spare.added(now)
        spare.added(now + PACKET_S)  # adding takes several packets
        doubt, now = min(2 * doubt, SpareTime.MOST_DOUBT), now + 0.5


def test_far_too_much_is_cut_at_once_whatever_was_undone() -> None:
    spare = SpareTime()
    spare.doubt = SpareTime.MOST_DOUBT
    assert spare.steps(0.0, 43.1, STEP_MS) == 4


def test_sound_that_is_added_long_after_a_cut_says_nothing_about_it() -> None:
    spare = SpareTime()
    waited = cut_after(spare, 10.8, 10.0)
    spare.added(waited + SpareTime.WORTH_S)
    assert spare.doubt == 1


def test_whoever_was_short_lately_gives_sound_away_later() -> None:
    spare = SpareTime()
    spare.added(0.0)
    assert cut_after(spare, 13.1, 10.0, since=1.0) == pytest.approx(SpareTime.WARY_S, abs=PACKET_S)
    assert cut_after(spare, 43.1, 10.0, since=6.0) == 0.0

    spare.steps(SpareTime.SHORT_S, 5.0, STEP_MS)
    assert cut_after(spare, 13.1, 10.0, since=SpareTime.SHORT_S) == pytest.approx(SpareTime.CALM_S, abs=PACKET_S)


@given(st.lists(st.tuples(st.floats(0.001, 2.0), st.floats(-50.0, 400.0)), max_size=300), st.sampled_from([5.0, 20.0]))
def test_never_more_is_cut_than_is_spare(history: list[tuple[float, float]], step_ms: float) -> None:
    spare, now = SpareTime(), 0.0
    for gap_s, excess_ms in history:
        now += gap_s
        if excess_ms < 0:
            spare.added(now)
        else:
            assert 0 <= spare.steps(now, excess_ms, step_ms) * step_ms <= excess_ms
        assert 1 <= spare.doubt <= SpareTime.MOST_DOUBT

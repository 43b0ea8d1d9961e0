"""When a failing part is started again, and when nobody tries any more."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.supervision.restart import RestartIntensity, RestartLimits

LIMITS = RestartLimits(limit=3, window_s=10.0, first_pause_s=0.5, longest_pause_s=1.5)


def test_the_pause_doubles_with_each_failure_up_to_its_cap() -> None:
    intensity = RestartIntensity(LIMITS)

    pauses_s = [intensity.failed(now) for now in (0.0, 1.0, 2.0)]

    assert pauses_s == [0.5, 1.0, 1.5]


def test_one_failure_too_many_within_the_window_gives_up() -> None:
    intensity = RestartIntensity(LIMITS)
    for now in (0.0, 1.0, 2.0):
        intensity.failed(now)

    assert intensity.failed(9.9) is None


def test_failures_older_than_the_window_are_forgiven() -> None:
    intensity = RestartIntensity(LIMITS)
    for now in (0.0, 1.0, 2.0):
        intensity.failed(now)

    assert intensity.failed(12.0) == 0.5


@given(st.lists(st.floats(min_value=0.0, max_value=20.0), max_size=60))
def test_no_window_ever_holds_more_restarts_than_the_limit(gaps_s: list[float]) -> None:
    intensity = RestartIntensity(LIMITS)
    now, restarts = 0.0, []
    for gap_s in gaps_s:
        now += gap_s
        if intensity.failed(now) is not None:
            restarts.append(now)

    for start in restarts:
        assert sum(start <= restart < start + LIMITS.window_s for restart in restarts) <= LIMITS.limit

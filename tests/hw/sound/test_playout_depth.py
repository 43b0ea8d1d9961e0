"""Far-end sound is written as late as the lateness that was seen allows."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.sound.frame import SILENCE
from hw.sound.playout_depth import PlayoutDepth
from hw.sound.rings import PlayoutRing

GUARD_MS = PlayoutDepth.GUARD_MS
WAITS = st.floats(-20.0, 200.0) | st.just(math.inf)


def begun(least_ms: int = 2, most_ms: int = 60) -> PlayoutDepth:
    """One that has heard the beginning of a call."""
    depth = PlayoutDepth(least_ms, most_ms)
    for now in (-2.0, -1.9):
        depth.update(now, 0, 0.0)
    assert depth.target_ms == min(most_ms, max(least_ms, PlayoutDepth.START_MS))
    return depth


def told(depth: PlayoutDepth, seconds: int, late_ms: float, since: float = 0.0) -> list[int]:
    """The target after each of so many seconds in which sound came that late at most."""
    found = []
    for second in range(seconds):
        depth.update(since + second, 0, depth.target_ms - late_ms)
        found.append(depth.target_ms)
    return found


def test_a_punctual_machine_is_known_after_a_while() -> None:
    assert told(begun(), 8, late_ms=0.5) == [7, 6, 5, 4, 3, 3, 3, 3]


def test_what_comes_later_than_expected_raises_the_target_at_once() -> None:
    depth = begun()
    told(depth, 10, late_ms=0.5)
    assert told(depth, 1, late_ms=11.2, since=10.0) == [14]


def test_a_rare_lateness_is_expected_for_a_while_and_then_forgotten_little_by_little() -> None:
    depth = begun()
    told(depth, 1, late_ms=9.0)
    kept, fading = [11] * (PlayoutDepth.SECONDS - 1), [10, 9, 8, 7, 6, 5, 4, 3, 3, 3]
    assert told(depth, len(kept + fading), late_ms=1.0, since=1.0) == kept + fading


def test_running_dry_raises_the_target_at_once_and_once_for_each_accident() -> None:
    depth = begun()
    told(depth, 10, late_ms=0.5)
    depth.update(10.1, 1, math.inf)
    assert depth.target_ms == 3 + PlayoutDepth.DRY_MS + GUARD_MS
    depth.update(10.2, 4, 0.0)
    assert depth.target_ms == 3 + PlayoutDepth.DRY_MS + GUARD_MS
    depth.update(11.0, 5, math.inf)
    assert depth.target_ms == 3 + 2 * (PlayoutDepth.DRY_MS + GUARD_MS)


def test_how_sound_begins_after_a_silence_says_nothing_about_the_machine() -> None:
    depth = begun()
    told(depth, 10, late_ms=0.5)
    depth.update(60.0, 0, 0.0)
    depth.update(60.1, 3, 0.0)
    assert depth.target_ms == 3
    depth.update(60.6, 4, 5.0)
    assert depth.target_ms == 3 + PlayoutDepth.DRY_MS + GUARD_MS


def test_silence_says_nothing_about_the_machine() -> None:
    depth = begun()
    for second in range(100):
        depth.update(float(second), 0, math.inf)
    assert depth.target_ms == PlayoutDepth.START_MS


@given(st.integers(2, 200), st.integers(20, 400), st.lists(st.tuples(st.floats(0.01, 5.0), st.integers(0, 3), WAITS)))
def test_the_target_stays_within_its_limits_and_never_falls_fast(
    least_ms: int, most_ms: int, history: list[tuple[float, int, float]]
) -> None:
    depth = PlayoutDepth(least_ms, most_ms)
    now, underruns, began = 0.0, 0, depth.target_ms
    for step_s, dry, wait_ms in history:
        now, underruns, before = now + step_s, underruns + dry, depth.target_ms
        depth.update(now, underruns, wait_ms)
        assert least_ms <= depth.target_ms <= max(least_ms, most_ms)
        assert depth.target_ms >= before - PlayoutDepth.STEP_DOWN_MS
    assert depth.target_ms >= began - PlayoutDepth.STEP_DOWN_MS * (1 + now)


@given(st.lists(st.floats(0.0, 50.0), min_size=1, max_size=60))
def test_whatever_was_late_lately_would_be_in_time_now(late_ms: list[float]) -> None:
    depth = begun(2, 120)
    for second, late in enumerate(late_ms):
        depth.update(float(second), 0, depth.target_ms - late)
        assert depth.target_ms >= max(late_ms[max(0, second - PlayoutDepth.SECONDS + 1) : second + 1]) + GUARD_MS - 1e-6


@given(st.floats(0.0, 50.0))
def test_a_steady_machine_gets_just_what_it_needs(late_ms: float) -> None:
    depth = begun(2, 120)
    told(depth, 30, late_ms)
    assert late_ms + GUARD_MS - 1e-6 <= depth.target_ms <= late_ms + GUARD_MS + 1 + 1e-6


class Call:
    """A card that takes 10 ms at a time, and a writer that is woken when sound is due, a little late."""

    def __init__(self, late_ms: float) -> None:
        self.ring, self.depth = PlayoutRing(10, 400), PlayoutDepth(8, 120)
        self.late_ms = late_ms
        self.dice = random.Random(4)
        self.waited: list[float] = []

    def run(self, seconds: int) -> None:
        write_at = 0.0
        for take_at in (10.0 * n for n in range(1, seconds * 100)):
            while write_at < take_at:
                self.waited.append(self.ring.due_ms(write_at / 1000))
                self.ring.write(SILENCE, write_at / 1000)
                due = write_at + self.ring.due_ms(write_at / 1000) - self.depth.target_ms
                write_at = max(write_at, due) + self.dice.uniform(0, self.late_ms)
            self.ring.take(take_at / 1000)
            self.depth.update(take_at / 1000, self.ring.underruns, self.ring.take_least_wait_ms())


@pytest.mark.parametrize(("late_ms", "most_ms"), [(1.0, 10), (8.0, 15), (25.0, 40)])
def test_sound_is_written_no_earlier_than_the_lateness_of_the_writer_asks_for(late_ms: float, most_ms: int) -> None:
    call = Call(late_ms)
    call.run(60)
    assert np.median(call.waited[-500:]) <= most_ms
    assert call.ring.underruns <= 30

from __future__ import annotations

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.panel.gestures import GESTURES, STUCK, Gestures, GestureTiming

TIMING = GestureTiming(long_s=0.8, held_s=3.0, double_s=0.35, stuck_s=60.0)


def play(wanted: str, *steps: tuple[str, float]) -> str:
    """Press ("down") and let go ("up") at the given times, with every tick that falls due; the gestures, in order."""
    gestures, seen = Gestures(wanted.split(), TIMING), []
    for what, at in steps:
        while gestures.due <= at:
            seen += gestures.tick(gestures.due)
        seen += gestures.press(at) if what == "down" else gestures.release(at) if what == "up" else gestures.tick(at)
    return " ".join(seen)


def test_a_short_press_is_decided_after_its_release() -> None:
    assert play("short", ("down", 0.0), ("up", 0.1)) == "press short release"


def test_where_a_double_is_wanted_a_short_waits_for_it() -> None:
    assert play("short double", ("down", 0.0), ("up", 0.1), ("wait", 0.4)) == "press release"
    assert play("short double", ("down", 0.0), ("up", 0.1), ("wait", 0.5)) == "press release short"


def test_two_presses_are_one_double_and_no_short() -> None:
    steps = (("down", 0.0), ("up", 0.1), ("down", 0.3), ("up", 0.4), ("wait", 9.0))
    assert play("short double", *steps) == "press release press double release"


def test_a_third_press_begins_anew() -> None:
    steps = (("down", 0.0), ("up", 0.1), ("down", 0.2), ("up", 0.3), ("down", 0.4), ("up", 0.5), ("wait", 9.0))
    assert play("short double", *steps) == "press release press double release press release short"


def test_presses_too_far_apart_are_two_shorts() -> None:
    steps = (("down", 0.0), ("up", 0.1), ("down", 0.6), ("up", 0.7), ("wait", 9.0))
    assert play("short double", *steps) == "press release short press release short"


def test_a_long_press_fires_under_the_finger() -> None:
    assert play("short long", ("down", 0.0), ("wait", 0.79)) == "press"
    assert play("short long", ("down", 0.0), ("wait", 0.81), ("up", 2.0)) == "press long release"


def test_where_held_is_wanted_too_a_long_press_waits_for_its_release() -> None:
    assert play("short long held", ("down", 0.0), ("up", 1.0)) == "press long release"
    assert play("short long held", ("down", 0.0), ("wait", 3.1), ("up", 4.0)) == "press held release"


def test_a_slow_finger_is_short_where_nobody_wants_more() -> None:
    assert play("short", ("down", 0.0), ("up", 20.0)) == "press short release"


def test_a_short_and_then_a_long_press_are_both_told() -> None:
    assert play("short double long", ("down", 0.0), ("up", 0.1), ("down", 0.3), ("up", 2.0)) == (
        "press release press short long release"
    )


def test_a_stuck_button_is_told_once_and_does_nothing() -> None:
    assert play("short", ("down", 0.0), ("wait", 500.0), ("up", 900.0)) == f"press {STUCK} release"


def test_a_long_press_that_gets_stuck_is_told_too() -> None:
    assert play("long", ("down", 0.0), ("wait", 500.0)) == f"press long {STUCK}"


def test_a_button_found_pressed_counts_for_nothing_until_it_is_let_go() -> None:
    gestures = Gestures(GESTURES, TIMING)
    gestures.found_pressed(0.0)
    assert gestures.tick(10.0) == []
    assert gestures.release(11.0) == []
    assert [*gestures.press(12.0), *gestures.release(12.1), *gestures.tick(13.0)] == ["press", "release", "short"]


def test_a_button_found_pressed_can_be_stuck() -> None:
    gestures = Gestures(GESTURES, TIMING)
    gestures.found_pressed(0.0)
    assert gestures.tick(60.0) == [STUCK]
    assert gestures.due == math.inf


presses = st.lists(st.tuples(st.floats(0.001, 70.0), st.floats(0.001, 5.0)), max_size=20)
wishes = st.sets(st.sampled_from(GESTURES))


@pytest.mark.parametrize("ticking", [True, False], ids=["every tick", "no tick but the last"])
@given(presses=presses, wanted=wishes)
def test_each_press_has_one_release_and_counts_once(
    ticking: bool, presses: list[tuple[float, float]], wanted: set[str]
) -> None:
    gestures, now, seen = Gestures(wanted, TIMING), 0.0, []
    for down_s, up_s in presses:
        for step, wait_s in ((gestures.press, up_s), (gestures.release, down_s)):
            now += wait_s
            while ticking and gestures.due <= now:
                seen += gestures.tick(gestures.due)
            seen += step(now)
    seen += gestures.tick(now + 1000.0)

    edges = [gesture for gesture in seen if gesture in ("press", "release")]
    assert edges == ["press", "release"] * len(presses)
    count = Counter(seen)
    decided = count["short"] + count["long"] + count["held"] + 2 * count["double"]
    undecided = len(presses) - decided
    assert 0 <= undecided <= count[STUCK] <= len(presses)


@given(presses=presses, wanted=wishes)
def test_only_what_somebody_wants_makes_a_short_press_wait_or_fail(
    presses: list[tuple[float, float]], wanted: set[str]
) -> None:
    gestures = Gestures(wanted - {"double", "long", "held"}, TIMING)
    now = 0.0
    for down_s, up_s in presses:
        gestures.press(now := now + up_s)
        told = gestures.release(now := now + down_s)
        assert told[-1] == "release"
        assert ("short" in told) == (STUCK not in told)

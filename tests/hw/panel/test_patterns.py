from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.errors import PatternError
from hw.panel.patterns import COLOURS, OFF, parse_pattern


def test_steady_never_changes() -> None:
    steady = parse_pattern("steady")
    assert steady.brightness(12.3) == 1.0
    assert steady.next_change(12.3) == math.inf


def test_blink_is_on_and_then_off() -> None:
    blink = parse_pattern("blink 250/750")
    assert [blink.brightness(t) for t in (0.0, 0.249, 0.25, 0.999, 1.0)] == [1, 1, 0, 0, 1]
    assert blink.next_change(0.0) == pytest.approx(0.25)
    assert blink.next_change(0.25) == pytest.approx(1.0)


def test_pulse_swells_and_fades() -> None:
    pulse = parse_pattern("pulse 2000")
    assert [round(pulse.brightness(t), 3) for t in (0.0, 0.5, 1.0, 1.5, 2.0)] == [0, 0.5, 1, 0.5, 0]
    assert pulse.dimmed


def test_three_flashes_and_a_pause() -> None:
    flash = parse_pattern("flash 3 2000")
    changes, t = [], 0.0
    while t < 1.99:
        changes.append((round(t, 3), flash.brightness(t)))
        t = flash.next_change(t)
    assert changes == [(0.0, 1), (0.1, 0), (0.2, 1), (0.3, 0), (0.4, 1), (0.5, 0)]
    assert t == pytest.approx(2.0)


def test_a_colour_and_a_brightness_stand_in_front() -> None:
    dim = parse_pattern("red 30% blink")
    assert dim.colour == COLOURS["red"]
    assert dim.brightness(0.0) == 0.3
    assert dim.dimmed
    assert parse_pattern("#ff0000 steady").colour == COLOURS["red"]


def test_a_colour_alone_is_steady() -> None:
    assert parse_pattern("green").shape == "steady"
    assert parse_pattern("on").shape == "steady"


def test_nothing_is_off() -> None:
    assert parse_pattern("") == OFF
    assert parse_pattern("off").brightness(1.0) == 0.0


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("blnk", "did you mean 'blink'"),
        ("gren steady", "did you mean 'green'"),
        ("blink fast", "blink ON/OFF"),
        ("blink 1/2/3", "blink ON/OFF"),
        ("blink 5", "5 ms is not between"),
        ("steady 100", "write off, steady"),
        ("flash 0", "between 1 and 9"),
        ("flash 9 1000", "at least 1800 ms"),
        ("pulse 999999", "is not between"),
        ("120% steady", "'120%' is not known"),
    ],
)
def test_a_text_that_is_no_pattern_is_explained(text: str, hint: str) -> None:
    with pytest.raises(PatternError, match=hint):
        parse_pattern(text)


@given(
    st.sampled_from(["blink 20/20", "blink 70/130", "pulse 777", "flash 3 901", "flash 9"]),
    st.floats(0, 1e6),
)
def test_brightness_changes_only_when_it_was_said(text: str, t: float) -> None:
    pattern = parse_pattern(text)
    change = pattern.next_change(t)
    assert change > t
    if pattern.shape != "pulse":
        assert pattern.brightness(t) == pattern.brightness(t + 0.9 * (change - t)) or change - t < 1e-5

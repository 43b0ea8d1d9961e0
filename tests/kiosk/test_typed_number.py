"""Digits on buttons become a number, with a clock that the test moves."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.kiosk.typed_number import Choice, TypedNumber

NOBODY = Choice("")


def typed(*numbers: str) -> TypedNumber:
    return TypedNumber(numbers, pause_s=4.0)


def test_a_number_that_no_other_begins_with_is_complete_at_its_last_digit() -> None:
    number = typed("12", "13", "2")
    assert number.digit("1", 0.0) is None
    assert number.digit("3", 1.0) == Choice("13")
    assert number.digit("2", 2.0) == Choice("2")


def test_one_that_others_begin_with_waits_for_the_pause_or_for_dial() -> None:
    number = typed("1", "12")
    assert number.digit("1", 10.0) is None
    assert number.deadline == 14.0
    assert number.tick(13.9) is None
    assert number.tick(14.0) == Choice("1")
    assert number.deadline is None
    assert number.digit("1", 20.0) is None
    assert number.complete() == Choice("1")


def test_what_is_nobodys_is_refused_at_once_and_after_the_pause() -> None:
    number = typed("12")
    assert number.digit("7", 0.0) == NOBODY
    assert number.digit("1", 0.0) is None
    assert number.tick(4.0) == NOBODY
    assert number.complete() is None


def test_clear_begins_anew() -> None:
    number = typed("12", "22")
    number.digit("1", 0.0)
    assert number.clear()
    assert not number.clear()
    assert number.digit("2", 0.0) is None
    assert number.digit("2", 0.0) == Choice("22")


@given(st.sets(st.text("0123456789", min_size=1, max_size=8), max_size=8), st.data())
def test_every_number_can_be_dialled_whatever_was_typed_before(numbers: set[str], data: st.DataObject) -> None:
    number = TypedNumber(numbers, pause_s=4.0)
    for digit in data.draw(st.text("0123456789", max_size=20)):
        choice = number.digit(digit, 0.0)
        assert choice is None or choice.number in numbers | {""}
        assert len(number) < 8
    number.clear()
    for wanted in numbers:
        answers = [number.digit(digit, 1.0) for digit in wanted]
        assert set(answers[:-1]) <= {None}
        assert (answers[-1] or number.complete()) == Choice(wanted)

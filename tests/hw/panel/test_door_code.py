from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.errors import SettingError
from hw.panel.door_code import CodeVerdict, DoorCode
from hw.panel.settings import DoorSettings


def dial(door: DoorCode, digits: str, now: float = 0.0) -> list[CodeVerdict]:
    return [verdict for digit in digits if (verdict := door.digit(digit, now))]


@pytest.fixture
def door() -> DoorCode:
    return DoorCode(DoorSettings(code="2468", tries=3, lockout_s=60, entry_s=8))


def test_the_code_opens(door: DoorCode) -> None:
    assert dial(door, "2468") == [CodeVerdict.OPEN]


def test_a_hash_ends_an_entry_early(door: DoorCode) -> None:
    assert dial(door, "24#2468") == [CodeVerdict.WRONG, CodeVerdict.OPEN]


def test_a_hash_after_the_code_is_no_wrong_entry(door: DoorCode) -> None:
    assert dial(door, "2468#") == [CodeVerdict.OPEN]


@pytest.mark.parametrize("digits", ["92468#", "924680#", "24692#", "2469135#", "13579#", "246#"])
def test_one_slip_costs_one_try(door: DoorCode, digits: str) -> None:
    assert dial(door, digits) == [CodeVerdict.WRONG]
    assert dial(door, "2468#") == [CodeVerdict.OPEN]


@pytest.mark.parametrize("digits", ["2468#", "24685#", "246824#", "2468135#", "2468##"])
def test_what_follows_the_code_up_to_its_hash_counts_as_nothing(door: DoorCode, digits: str) -> None:
    for _ in range(4):
        assert dial(door, digits) == [CodeVerdict.OPEN]


def test_the_rest_of_one_entry_is_not_the_rest_of_the_next(door: DoorCode) -> None:
    assert dial(door, "92468#24#") == [CodeVerdict.WRONG, CodeVerdict.WRONG]


@pytest.mark.parametrize("between", ["*", "#"])
def test_after_a_slip_the_code_can_be_dialled_at_once(door: DoorCode, between: str) -> None:
    assert dial(door, f"92468{between}2468") == [CodeVerdict.WRONG, CodeVerdict.OPEN]


@pytest.mark.parametrize(
    ("digits", "entries"),
    [
        ("92468" + "2468", [CodeVerdict.WRONG, CodeVerdict.WRONG, CodeVerdict.OPEN]),  # one digit too many
        ("468" + "2468" + "2468", [CodeVerdict.WRONG, CodeVerdict.WRONG, CodeVerdict.OPEN]),  # one too few
        ("97246" + "8" + "2468", [CodeVerdict.WRONG, CodeVerdict.WRONG, CodeVerdict.OPEN]),
        ("1357" + "92468", [CodeVerdict.WRONG, CodeVerdict.WRONG, CodeVerdict.OPEN]),
    ],
)
def test_after_a_full_entry_the_code_opens_wherever_it_begins(
    door: DoorCode, digits: str, entries: list[CodeVerdict]
) -> None:
    assert dial(door, digits) == entries


def test_the_last_try_is_not_lost_on_the_rest_of_a_slip() -> None:
    door = DoorCode(DoorSettings(code="2468", tries=2))

    assert dial(door, "924682468")[-1] is CodeVerdict.OPEN
    assert not door.locked(0.0)


@pytest.mark.parametrize("between", ["*", "#", "1"])
def test_what_is_no_rest_of_a_slip_is_refused_when_the_tries_are_used_up(between: str) -> None:
    door = DoorCode(DoorSettings(code="2468", tries=2))
    dial(door, "13571357")

    assert door.locked(0.0)
    assert dial(door, f"{between}132468")[-1] is CodeVerdict.LOCKED


CODES = st.text("0123456789", min_size=3, max_size=8)


@st.composite
def slips(draw: st.DrawFn) -> tuple[str, str]:
    """A code, and what is dialled in its place: less of it, more of it, or another digit in it."""
    code = draw(CODES)
    at = draw(st.integers(0, len(code) - 1))
    given = draw(st.text("0123456789", max_size=len(code) - 1))
    return code, code[:at] + given + code[at + draw(st.integers(0, 1)) :]


@given(slips(), st.sampled_from(["", "*", "#"]), st.integers(2, 5), st.data())
def test_a_slip_costs_at_most_one_try(slip: tuple[str, str], between: str, tries: int, data: st.DataObject) -> None:
    """Whoever still has a try to lose, dials something else and then the code, gets in."""
    code, dialled = slip
    door = DoorCode(DoorSettings(code=code, tries=tries))
    wrong = "".join(str((int(digit) + 5) % 10) for digit in code)
    dial(door, f"{wrong}#" * data.draw(st.integers(0, tries - 2)))

    shorter = len(dialled) < len(code) and not between  # the code itself then fills the entry: it is dialled again
    verdicts = dial(door, dialled + between + code * (2 if shorter else 1))

    assert CodeVerdict.OPEN in verdicts
    assert not door.locked(0.0)


@given(st.text("0123456789*#", min_size=1, max_size=60), st.integers(1, 4), st.integers(3, 5))
def test_a_try_is_worth_no_more_guesses_than_the_code_has_digits(dialled: str, tries: int, length: int) -> None:
    """Of all the codes that one sequence would open, whichever is the right one, there are so many at most."""
    codes = {"".join(dialled[at : at + length]) for at in range(len(dialled))}
    possible = [code for code in codes if len(code) == length and code.isdecimal()]

    opened = [code for code in possible
              if CodeVerdict.OPEN in dial(DoorCode(DoorSettings(code=code, tries=tries)), dialled)]  # fmt: skip

    assert len(opened) <= tries * length


def test_the_rest_of_an_entry_is_forgotten_after_a_pause(door: DoorCode) -> None:
    assert dial(door, "92468", now=0.0) == [CodeVerdict.WRONG]
    assert dial(door, "2468", now=9.0) == [CodeVerdict.OPEN]


def test_the_end_of_a_refused_entry_is_no_entry_of_its_own(door: DoorCode) -> None:
    dial(door, "111122223333")
    assert dial(door, "24680#", now=1.0) == [CodeVerdict.LOCKED]


def test_a_star_corrects(door: DoorCode) -> None:
    assert dial(door, "29*2468") == [CodeVerdict.OPEN]


def test_only_whole_entries_count(door: DoorCode) -> None:
    assert dial(door, "92468") == [CodeVerdict.WRONG]


def test_a_pause_starts_anew(door: DoorCode) -> None:
    assert dial(door, "24", now=0.0) == []
    assert dial(door, "2468", now=9.0) == [CodeVerdict.OPEN]


def test_another_call_starts_anew(door: DoorCode) -> None:
    dial(door, "24")
    door.start()
    assert dial(door, "68") == []


def test_after_wrong_tries_even_the_code_is_refused_for_a_while(door: DoorCode) -> None:
    assert dial(door, "111122223333") == [CodeVerdict.WRONG] * 3
    assert dial(door, "2468", now=59.0) == [CodeVerdict.LOCKED]
    assert dial(door, "2468", now=61.0) == [CodeVerdict.OPEN]


def test_hanging_up_does_not_end_the_lock_out(door: DoorCode) -> None:
    dial(door, "111122223333")
    door.start()
    assert dial(door, "2468", now=1.0) == [CodeVerdict.LOCKED]


def test_the_right_code_forgives_the_wrong_ones(door: DoorCode) -> None:
    assert dial(door, "1111" + "2222" + "2468" + "3333" + "2468")[-1] is CodeVerdict.OPEN


def test_without_a_code_nothing_opens() -> None:
    assert dial(DoorCode(DoorSettings()), "0000#*##") == []


def test_digits_are_never_logged_nor_shown(door: DoorCode, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        dial(door, "111122223333" + "2468")
    assert caplog.text == ""
    assert "2468" not in repr(DoorSettings(code="2468"))


@pytest.mark.parametrize("code", ["12", "1" * 17, "12a4", "12#4", "١٢٣٤"])
def test_a_code_that_nobody_can_dial_is_refused_without_repeating_it(code: str) -> None:
    with pytest.raises(SettingError) as error:
        DoorSettings(code=code)
    assert code not in str(error.value)

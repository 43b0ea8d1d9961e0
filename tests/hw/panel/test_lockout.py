"""Guessing costs more each time, whatever is restarted in between."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw.panel.lockout import FORGET_S, LONGEST_S, Lockout, LockoutRecord


def lock(lockout: Lockout, now: float, tries: int = 3) -> float:
    """Dial wrong codes until it locks; the moment at which it ends."""
    for _ in range(tries):
        assert lockout.left_s(now) == 0
        lockout.note_wrong(now)
    return now + lockout.left_s(now)


def test_each_lock_out_is_twice_as_long_up_to_a_day() -> None:
    lockout, now, lengths = Lockout(3, 300), 0.0, []
    for _ in range(12):
        end = lock(lockout, now)
        lengths.append(end - now)
        now = end

    assert lengths[:4] == [300, 600, 1200, 2400]
    assert lengths[-1] == LONGEST_S


def test_a_right_code_forgives_wrong_ones_but_not_lock_outs() -> None:
    lockout = Lockout(3, 300)
    now = lock(lockout, 0.0)
    lockout.note_wrong(now)
    lockout.note_wrong(now)
    lockout.note_right(now)

    assert lock(lockout, now) - now == 600


def test_a_right_code_during_a_lock_out_shows_that_there_was_no_guessing() -> None:
    lockout = Lockout(3, 300)
    lock(lockout, 0.0)
    lockout.note_right(1.0)

    assert lock(lockout, 2.0) - 2.0 == 300


def test_a_day_without_a_wrong_code_makes_it_short_again() -> None:
    lockout = Lockout(3, 300)
    end = lock(lockout, 0.0)

    assert lock(lockout, end + FORGET_S) == end + FORGET_S + 300


def test_a_wrong_code_of_last_week_is_no_try_of_today() -> None:
    lockout = Lockout(2, 300)
    lockout.note_wrong(0.0)
    lockout.note_wrong(7 * FORGET_S)

    assert lockout.left_s(7 * FORGET_S) == 0


@pytest.mark.parametrize("clock", [0.0, 1e6])
def test_a_restart_neither_ends_a_lock_out_nor_shortens_the_next(clock: float) -> None:
    before = Lockout(3, 300)
    now = lock(before, 5000.0)
    now = lock(before, now)
    after = Lockout(3, 300)
    after.restore(before.record(now - 1), clock)

    assert after.left_s(clock) == 600
    assert lock(after, clock + 600) == clock + 600 + 1200


def test_a_restart_gives_no_tries_back() -> None:
    before = Lockout(3, 300)
    before.note_wrong(0.0)
    before.note_wrong(0.0)
    after = Lockout(3, 300)
    after.restore(before.record(1.0), 0.0)
    after.note_wrong(0.0)

    assert after.left_s(0.0) == 300


@given(st.lists(st.sampled_from(["wrong", "restart", "wait"]), max_size=200), st.integers(1, 5))
def test_restarts_never_give_more_guesses_than_going_on(steps: list[str], tries: int) -> None:
    restarted, steady, now, guesses = Lockout(tries, 60), Lockout(tries, 60), 0.0, [0, 0]
    for step in steps:
        if step == "restart":
            record = restarted.record(now)
            restarted = Lockout(tries, 60)
            restarted.restore(record, now)
        elif step == "wait":
            now += 61.0
        else:
            for number, one in enumerate((restarted, steady)):
                if not one.left_s(now):
                    one.note_wrong(now)
                    guesses[number] += 1

    assert guesses[0] <= guesses[1]


def test_a_record_of_nothing_is_a_fresh_start() -> None:
    lockout = Lockout(3, 300)
    lockout.restore(LockoutRecord(), 50.0)

    assert lock(lockout, 50.0) == 350.0

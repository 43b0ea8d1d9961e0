"""An alarm rings at its deadline, and nothing that fails when it rings ends it."""

from __future__ import annotations

import math

import pytest
from greenlet import GreenletExit

from agent.alarm import AFTER_FAILURE_S, Alarm
from tests.voice.fakes import FakeClock


class Work:
    """Something that is due every ten seconds, and fails as it is told to."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.due: float | None = self.clock.now() + 10
        self.done = 0
        self.failure: BaseException | None = None
        self.alarm = Alarm(self.clock, lambda: self.due, self.act)
        self.alarm.follow()

    def act(self) -> None:
        if self.failure is not None:
            raise self.failure
        self.done += 1
        self.due = self.clock.now() + 10


def test_what_is_due_is_done_again_and_again() -> None:
    work = Work()

    for _ in range(3):
        work.clock.advance(10)

    assert (work.done, work.alarm.overdue_s()) == (3, 0.0)


def test_a_deadline_that_moved_later_is_not_kept_too_early() -> None:
    work = Work()
    work.due = work.clock.now() + 25
    work.alarm.follow()

    work.clock.advance(24)
    assert work.done == 0

    work.clock.advance(1)
    assert work.done == 1


def test_a_deadline_that_moved_sooner_is_kept() -> None:
    work = Work()
    work.due = work.clock.now() + 3
    work.alarm.follow()

    work.clock.advance(3)

    assert work.done == 1


def test_without_a_deadline_nothing_is_done() -> None:
    work = Work()
    work.due = None
    work.alarm.follow()

    work.clock.advance(100)

    assert work.done == 0


def test_a_failure_is_tried_again_after_a_pause_and_counts_as_late_until_it_is_done() -> None:
    work = Work()
    work.failure = RuntimeError("a fault")
    work.clock.advance(10)
    work.clock.advance(10 * AFTER_FAILURE_S)
    late_s = work.alarm.overdue_s()

    work.failure = None
    work.clock.advance(AFTER_FAILURE_S)

    assert late_s == pytest.approx(10 * AFTER_FAILURE_S)
    assert (work.done, work.alarm.overdue_s()) == (1, 0.0)


def test_what_changes_nothing_is_not_done_without_end() -> None:
    work = Work()
    done: list[float] = []

    def act() -> None:
        done.append(work.clock.now())
        alarm.follow()

    alarm = Alarm(work.clock, lambda: 1000.0, act)
    alarm.follow()

    work.clock.advance(1.0)

    assert 5 <= len(done) <= 12


def test_an_alarm_that_was_cancelled_rings_no_more_and_is_late_for_nothing() -> None:
    work = Work()
    work.alarm.cancel()

    work.clock.advance(100)

    assert (work.done, work.alarm.overdue_s()) == (0, 0.0)


def test_an_alarm_whose_greenlet_is_ended_rings_again() -> None:
    work = Work()
    work.failure = GreenletExit()
    with pytest.raises(GreenletExit):
        work.clock.advance(10)

    work.failure = None
    work.clock.advance(AFTER_FAILURE_S)

    assert work.done == 1


def test_a_failure_is_logged_once_and_not_at_each_try(caplog: pytest.LogCaptureFixture) -> None:
    work = Work()
    work.failure = RuntimeError("a fault")

    work.clock.advance(10)
    work.clock.advance(20 * AFTER_FAILURE_S)

    assert len([line for line in caplog.records if line.levelname == "ERROR"]) == 1


def test_a_deadline_that_cannot_be_told_is_late_for_ever() -> None:
    work = Work()
    work.alarm = Alarm(work.clock, lambda: [][0], work.act)

    assert work.alarm.overdue_s() == math.inf

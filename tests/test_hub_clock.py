"""Those who look now and then wake up together."""

from __future__ import annotations

import gevent
from gevent.event import Event

from agent import hub_clock
from agent.hub_clock import sleep_to_round

PERIOD_S = 0.05


def test_all_sleep_to_the_same_moment() -> None:
    others = {entry[0] for entry in hub_clock._timetable()._entries}
    sleepers = [gevent.spawn(sleep_to_round, PERIOD_S) for _ in range(5)]
    sleepers += [gevent.spawn(sleep_to_round, 2 * PERIOD_S) for _ in range(5)]
    gevent.sleep(0)
    dues = {entry[0] for entry in hub_clock._timetable()._entries} - others
    assert len(dues) <= 2
    assert all(round(due / PERIOD_S, 6) == round(due / PERIOD_S) for due in dues)
    gevent.joinall(sleepers, timeout=20)
    assert [sleeper.value for sleeper in sleepers] == [False] * 10


def test_an_event_ends_the_sleep() -> None:
    event = Event()
    sleeper = gevent.spawn(sleep_to_round, 3600.0, event)
    gevent.sleep(0)
    event.set()
    assert sleeper.get(timeout=20)
    assert sleep_to_round(3600.0, event)


def test_whoever_is_killed_leaves_no_timer_behind() -> None:
    before = len(hub_clock._timetable()._entries)
    sleeper = gevent.spawn(sleep_to_round, 3600.0)
    gevent.sleep(0)
    assert len(hub_clock._timetable()._entries) == before + 1
    sleeper.kill()
    assert len(hub_clock._timetable()._entries) == before

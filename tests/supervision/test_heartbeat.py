"""Signs of life grow old, and the old ones are named."""

from __future__ import annotations

from agent.supervision.heartbeat import Heartbeat, Vitals


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_heartbeat_ages_until_it_beats_again() -> None:
    clock = Clock()
    heartbeat = Heartbeat(clock)

    clock.now += 3.0
    before = heartbeat.age_s()
    heartbeat.beat()

    assert (before, heartbeat.age_s()) == (3.0, 0.0)


def test_only_the_stalled_parts_are_named() -> None:
    vitals = Vitals()
    vitals.add("sound", lambda: 0.1, limit_s=2.0)
    vitals.add("media loop", lambda: 7.26, limit_s=5.0)

    assert vitals.stalled() == ["media loop (7.3 s)"]


def test_a_part_that_is_no_longer_watched_cannot_stall() -> None:
    vitals = Vitals()
    vitals.add("sound", lambda: 99.0, limit_s=2.0)

    vitals.remove("sound")

    assert vitals.stalled() == []

"""Parts are started again when they fail or stall, and end in order when they are asked to."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import gevent
import pytest
from gevent.event import Event
from gevent.queue import Queue

from agent.errors import RestartLimitError
from agent.supervision.heartbeat import Heartbeat
from agent.supervision.restart import RestartLimits
from agent.supervision.supervisor import Supervisor

AT_ONCE = RestartLimits(limit=3, window_s=60.0, first_pause_s=0.0, longest_pause_s=0.0)
SOON_S = 5.0  # how long a test waits before it calls an event missing


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    supervisor = Supervisor(AT_ONCE, check_s=0.01)
    yield supervisor
    supervisor.stop()


def test_a_child_that_raises_is_started_again(supervisor: Supervisor) -> None:
    lives: Queue[int] = Queue()

    def clumsy(heartbeat: Heartbeat) -> None:
        lives.put(1)
        if lives.qsize() == 1:
            raise OSError("cable pulled")
        gevent.sleep(SOON_S)

    supervisor.child("clumsy", clumsy)
    supervisor.start()

    lives.get(timeout=SOON_S)
    lives.get(timeout=SOON_S)


def test_a_child_that_ends_by_itself_is_started_again(supervisor: Supervisor) -> None:
    lives: Queue[int] = Queue()
    supervisor.child("brief", lambda heartbeat: lives.put(1))
    supervisor.start()

    for _ in range(3):
        lives.get(timeout=SOON_S)

    assert supervisor.status()["brief"]["restarts"] >= 2


def test_a_child_without_a_beat_is_ended_and_started_again(supervisor: Supervisor) -> None:
    starts: Queue[str] = Queue()
    ended = Event()

    def stuck(heartbeat: Heartbeat) -> None:
        starts.put("start")
        try:
            Event().wait()
        finally:
            ended.set()

    supervisor.child("stuck", stuck, stall_s=0.05)
    supervisor.start()

    starts.get(timeout=SOON_S)
    starts.get(timeout=SOON_S)
    assert ended.is_set()


def test_a_child_that_beats_is_left_alone(supervisor: Supervisor) -> None:
    beats: Queue[int] = Queue()

    def busy(heartbeat: Heartbeat) -> None:
        while True:
            heartbeat.beat()
            beats.put(1)
            gevent.sleep(0.01)

    supervisor.child("busy", busy, stall_s=1.0)
    supervisor.start()
    for _ in range(20):
        beats.get(timeout=SOON_S)

    assert supervisor.status()["busy"]["restarts"] == 0


def test_failing_too_often_ends_the_wait_with_the_reason(supervisor: Supervisor) -> None:
    def hopeless(heartbeat: Heartbeat) -> None:
        raise OSError("no such device")

    supervisor.child("camera", hopeless)
    supervisor.start()

    with pytest.raises(RestartLimitError, match=r"camera failed 4 times .* no such device"), gevent.Timeout(SOON_S):
        supervisor.wait()


def test_one_child_failing_does_not_touch_the_others(supervisor: Supervisor) -> None:
    lives: Queue[int] = Queue()
    supervisor.child("steady", lambda heartbeat: Event().wait())
    supervisor.child("brief", lambda heartbeat: lives.put(1))
    supervisor.start()
    lives.get(timeout=SOON_S)
    lives.get(timeout=SOON_S)

    steady = supervisor.status()["steady"]

    assert (steady["up"], steady["restarts"]) == (True, 0)


def test_an_organ_that_stands_still_is_restarted(supervisor: Supervisor) -> None:
    age_s = 99.0
    restarted = Event()

    def restart() -> None:
        nonlocal age_s
        age_s = 0.0
        restarted.set()

    supervisor.organ("media loop", lambda: age_s, stall_s=0.05, restart=restart)
    supervisor.start()

    assert restarted.wait(SOON_S)


def test_nobody_is_restarted_because_the_whole_process_stood_still(supervisor: Supervisor) -> None:
    heart, restarts, beats = Heartbeat(), [], Event()

    def live() -> None:
        while True:
            gevent.sleep(0.002)
            gevent.sleep(0.002)  # after a pause the supervisor looks before this part has beaten
            heart.beat()
            beats.set()

    living = gevent.spawn(live)
    supervisor.organ("pins", heart.age_s, stall_s=0.2, restart=lambda: restarts.append("pins"))
    supervisor.start()
    for _ in range(3):
        beats.clear()
        assert beats.wait(SOON_S)
        time.sleep(0.5)  # as SIGSTOP does
        beats.clear()
        assert beats.wait(SOON_S)
        gevent.sleep(0.05)
    living.kill()

    assert restarts == []


def test_nobody_is_restarted_because_the_whole_process_stood_still_again(supervisor: Supervisor) -> None:
    """As on a machine whose card or other programs hold it up for seconds, with moments between."""
    heart, restarts = Heartbeat(), []
    supervisor.organ("pins", heart.age_s, stall_s=0.2, restart=lambda: restarts.append("pins"))
    supervisor.start()
    gevent.sleep(0.02)
    for _ in range(3):
        heart.beat()
        time.sleep(0.5)
        gevent.sleep(0.001)  # the supervisor finds that it is late
        time.sleep(0.5)
        gevent.sleep(0.001)  # and that it is late again; nobody had the time to beat
        heart.beat()
        gevent.sleep(0.05)

    assert restarts == []


def test_an_organ_that_cannot_be_restarted_ends_the_wait(supervisor: Supervisor) -> None:
    def restart() -> None:
        raise OSError("wedged")

    supervisor.organ("media loop", lambda: 99.0, stall_s=0.02, restart=restart)
    supervisor.start()

    with pytest.raises(RestartLimitError, match="wedged"), gevent.Timeout(SOON_S):
        supervisor.wait()


def test_children_end_in_the_reverse_order_of_their_start(supervisor: Supervisor) -> None:
    ended: list[str] = []

    def part(name: str) -> None:
        def run(heartbeat: Heartbeat) -> None:
            try:
                Event().wait()
            finally:
                ended.append(name)

        supervisor.child(name, run)

    part("sound")
    part("device")
    part("buttons")
    supervisor.start()
    gevent.idle()

    assert supervisor.stop() == []
    assert ended == ["buttons", "device", "sound"]


def test_a_child_that_refuses_to_end_is_named_and_does_not_hold_up_the_others(supervisor: Supervisor) -> None:
    ended = Event()

    def stubborn(heartbeat: Heartbeat) -> None:
        while True:
            try:
                Event().wait()
            except gevent.GreenletExit:
                if ended.is_set():
                    raise

    def polite(heartbeat: Heartbeat) -> None:
        try:
            Event().wait()
        finally:
            ended.set()

    supervisor.child("polite", polite)
    supervisor.child("stubborn", stubborn)
    supervisor.start()
    gevent.idle()

    assert supervisor.stop(deadline_s=0.2) == ["stubborn"]
    assert ended.is_set()


def test_a_stalled_child_that_refuses_to_end_ends_the_wait(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.supervision.parts.KILL_S", 0.02)
    released = Event()

    def stubborn(heartbeat: Heartbeat) -> None:
        while not released.is_set():
            with contextlib.suppress(gevent.GreenletExit):
                released.wait()

    supervisor.child("stubborn", stubborn, stall_s=0.05)
    supervisor.start()

    with pytest.raises(RestartLimitError, match="does not let itself be ended"), gevent.Timeout(SOON_S):
        supervisor.wait()
    released.set()


def test_stopping_ends_the_wait_quietly(supervisor: Supervisor) -> None:
    supervisor.child("steady", lambda heartbeat: Event().wait())
    supervisor.start()
    gevent.spawn(supervisor.stop)

    with gevent.Timeout(SOON_S):
        supervisor.wait()


def test_a_child_added_late_starts_at_once(supervisor: Supervisor) -> None:
    started = Event()
    supervisor.start()

    supervisor.child("late", lambda heartbeat: started.set())

    assert started.wait(SOON_S)


def test_a_restart_that_was_planned_before_the_stop_does_not_happen() -> None:
    lives: list[int] = []
    supervisor = Supervisor(RestartLimits(limit=3, window_s=60.0, first_pause_s=0.02, longest_pause_s=0.02))
    supervisor.child("brief", lambda heartbeat: lives.append(1))
    supervisor.start()
    while supervisor.status()["brief"]["up"]:
        gevent.sleep(0)

    supervisor.stop()
    supervisor._restart(supervisor._parts["brief"])  # its timer fired in the moment of the stop
    gevent.sleep(0)

    assert lives == [1]


def test_a_part_that_fails_for_ever_in_the_same_way_is_told_once_an_hour(
    supervisor: Supervisor, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = []

    def fails(_heartbeat: Heartbeat) -> None:
        runs.append(1)
        raise RuntimeError(f"no such file, {len(runs)} times")

    def until_ran(times: int) -> None:
        with gevent.Timeout(SOON_S):
            while len(runs) < times:
                gevent.sleep(0.001)

    limits = RestartLimits(limit=1_000_000, first_pause_s=0.001, longest_pause_s=0.001)
    supervisor.child("page", fails, limits=limits)
    supervisor.start()
    until_ran(20)
    assert [record.levelname for record in caplog.records if "page failed" in record.message].count("WARNING") == 1

    monkeypatch.setattr("agent.supervision.parts.AGAIN_S", 0.0)
    until_ran(len(runs) + 2)
    assert len([record for record in caplog.records if record.levelname == "WARNING"]) > 1

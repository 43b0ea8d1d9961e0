"""The bridge between hub and asyncio: results, order, cancellation, shutdown."""

import asyncio
import subprocess
import sys
import threading
from concurrent.futures import CancelledError

import gevent
import pytest
from gevent.event import Event

from agent.errors import BridgeClosedError
from agent.media.bridge import Bridge, UnhandledErrors, close_shared_bridge, shared_bridge


@pytest.fixture
def bridge():
    bridge = Bridge()
    yield bridge
    bridge.close()


async def value(result):
    await asyncio.sleep(0)
    return result


async def forever(started=lambda: None, ended=lambda: None):
    started()
    try:
        await asyncio.Event().wait()
    finally:
        ended()


def test_result_comes_back(bridge):
    assert bridge.run(value(42)) == 42


def test_coroutine_runs_outside_the_main_thread(bridge):
    async def thread():
        return threading.current_thread()

    assert bridge.run(thread()) is not threading.main_thread()


def test_exception_comes_back(bridge):
    async def fail():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        bridge.run(fail())


def test_hub_goes_on_while_a_greenlet_waits(bridge):
    ticks = []
    ticker = gevent.spawn(lambda: [ticks.append(gevent.sleep(0.001)) for _ in range(20)])
    bridge.run(asyncio.sleep(0.1))
    assert ticker.ready() and len(ticks) == 20


def test_time_limit_cancels_the_task(bridge):
    ended = Event()
    with pytest.raises(TimeoutError):
        bridge.run(forever(ended=lambda: bridge.post(ended.set)), timeout_s=0.02)
    assert ended.wait(2)


def test_killed_greenlet_cancels_its_task(bridge):
    started, ended = Event(), Event()
    greenlet = gevent.spawn(
        bridge.run, forever(lambda: bridge.post(started.set), lambda: bridge.post(ended.set))
    )
    assert started.wait(2)
    greenlet.kill()
    assert ended.wait(2)


def test_cancelled_result_raises(bridge):
    result = bridge.spawn(forever())
    result.cancel()
    with pytest.raises(CancelledError):
        result.get(timeout=2)


def test_a_timeout_of_the_caller_is_not_mistaken_for_ours(bridge):
    with pytest.raises(gevent.Timeout), gevent.Timeout(0.02):
        bridge.run(forever(), timeout_s=60)


def test_events_arrive_in_order_and_before_the_result(bridge):
    seen = []

    async def work():
        for number in range(100):
            bridge.post(seen.append, number)
        return "done"

    assert bridge.run(work()) == "done"
    assert seen == list(range(100))


def test_posts_of_many_threads_all_arrive(bridge):
    seen = []
    threads = [threading.Thread(target=lambda: [bridge.post(seen.append, n) for n in range(200)]) for _ in range(5)]
    for thread in threads:
        thread.start()
    with gevent.Timeout(5):
        while len(seen) < 1000:
            gevent.sleep(0.005)
    assert sorted(seen) == sorted(list(range(200)) * 5)


def test_failing_post_does_not_stop_the_next(bridge):
    arrived = Event()
    bridge.post(lambda: 1 / 0)
    bridge.post(arrived.set)
    assert arrived.wait(2)


def test_call_reaches_the_loop(bridge):
    arrived = Event()
    bridge.call(bridge.post, arrived.set)
    assert arrived.wait(2)


def test_progress_is_stale_while_the_loop_is_blocked(bridge):
    blocked, release = Event(), threading.Event()

    def block():
        bridge.post(blocked.set)
        release.wait(5)

    bridge.call(block)
    blocked.wait(2)
    before = bridge.progress_s()
    gevent.sleep(0.05)
    stale = bridge.progress_s()
    release.set()
    assert stale >= before + 0.04


def test_a_loop_that_turns_owes_nothing_and_is_left_alone_in_between(bridge, monkeypatch):
    bridge.progress_s()
    bridge.run(asyncio.sleep(0))  # by now it has answered
    assert bridge.progress_s() == 0.0
    asked = []
    monkeypatch.setattr(bridge, "_ask", lambda *_: asked.append(1))
    for _ in range(10):
        assert bridge.progress_s() == 0.0
    assert asked == []
    monkeypatch.setattr("agent.media.bridge.ASK_S", 0.0)
    assert bridge.progress_s() == 0.0
    assert asked == [1]
    assert bridge.progress_s() > 0.0
    assert asked == [1]


def test_a_loop_that_has_nothing_to_do_is_asked_less_often(bridge, monkeypatch):
    monkeypatch.setattr("agent.media.bridge.ASK_S", 0.0)
    bridge.progress_s()
    bridge.run(asyncio.sleep(0))
    asked = []
    monkeypatch.setattr(bridge, "_ask", lambda *_: asked.append(1))
    monkeypatch.setattr(bridge, "_used_at", -1000.0)
    bridge.progress_s()
    assert asked == []
    bridge.post(int)
    bridge.progress_s()
    assert asked == [1]


def test_close_fails_what_is_pending():
    bridge = Bridge()
    result = bridge.spawn(forever())
    bridge.close()
    with pytest.raises((BridgeClosedError, CancelledError)):
        result.get(timeout=1)


def test_closed_bridge_refuses_work():
    bridge = Bridge()
    bridge.close()
    bridge.close()
    bridge.call(print)
    with pytest.raises(BridgeClosedError):
        bridge.spawn(value(1))


def test_close_gives_up_on_a_stuck_loop():
    bridge = Bridge()
    release = threading.Event()
    bridge.call(release.wait, 30)
    result = bridge.spawn(value(1))
    bridge.close(timeout_s=0.05)
    with pytest.raises(BridgeClosedError):
        result.get(timeout=1)
    release.set()


def test_name_lookups_run_on_daemon_threads(bridge):
    async def look():
        return await asyncio.get_running_loop().run_in_executor(None, lambda: threading.current_thread().daemon)

    assert bridge.run(look()) is True


def test_shared_bridge_is_one_until_closed():
    first = shared_bridge()
    assert shared_bridge() is first
    close_shared_bridge()
    second = shared_bridge()
    assert second is not first
    close_shared_bridge()


def test_error_that_comes_again_and_again_is_told_of_once_a_minute(caplog):
    now = 0.0
    errors = UnhandledErrors(lambda: now)

    def fail(number):
        try:
            raise ValueError(f"packet {number}")
        except ValueError as error:
            errors(None, {"message": "callback failed", "exception": error})

    for number in range(50):
        fail(number)
    errors(None, {"message": "something else"})
    now = 61.0
    fail(50)
    assert [r.exc_info and str(r.exc_info[1]) for r in caplog.records] == ["packet 0", None, "packet 50"]


LEFT_BEHIND = """
import gc, weakref
from threading import enumerate as threads
from agent.media.bridge import Bridge, close_shared_bridge, shared_bridge

class Circle:
    def __init__(self):
        self.me = self

shared_bridge()
for thread in threads():
    if thread.name == "import":
        thread.join()
circles = [Circle() for _ in range(50)]
gc.collect()  # they have lived for long
left = [weakref.ref(circle) for circle in circles]
del circles
kept = [[number] for number in range(12_000)]
print(sum(one() is not None for one in left))
close_shared_bridge()
"""


def test_what_a_call_leaves_behind_is_found_soon_however_long_it_lived():
    done = subprocess.run([sys.executable, "-c", LEFT_BEHIND], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "0\n"

"""Beats that a loop keeps in its sleep, beside all that it does otherwise."""

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from agent.media.beat_loop import BeatLoop, KeptBeat, kept
from hw.sound.wav_sound import WavSound

PERIOD_S = 0.005
LATER_S = 60.0
LIMIT_S = 10.0


class Beats:
    """Counts the calls of a beat, and lets a story wait for so many."""

    def __init__(self, loop: asyncio.AbstractEventLoop, then: Callable[[], object] = lambda: None) -> None:
        self.count = 0
        self.threads: set[int] = set()
        self._loop, self._then = loop, then
        self._more = threading.Condition()

    def __call__(self) -> float | None:
        with self._more:
            self.count += 1
            self.threads.add(threading.get_ident())
            self._more.notify_all()
        self._then()
        return self._loop.time() + PERIOD_S

    async def reach(self, count: int) -> None:
        """Wait on another thread, so that the loop itself has nothing to do but its beat."""
        await asyncio.to_thread(self._wait, count)
        assert self.count >= count

    def _wait(self, count: int) -> None:
        with self._more:
            self._more.wait_for(lambda: self.count >= count, LIMIT_S)


def run(story: Callable[[], Coroutine[Any, Any, None]], loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_until_complete(asyncio.wait_for(story(), 3 * LIMIT_S))
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()


both = pytest.mark.parametrize("make", [BeatLoop, asyncio.new_event_loop])


@both
def test_a_beat_goes_on_in_the_loop_until_it_is_cancelled_or_wants_no_more(make):
    async def story():
        loop = asyncio.get_running_loop()
        beats = Beats(loop)
        one = kept(loop, beats, loop.time())
        once: list[float] = []
        kept(loop, lambda: once.append(loop.time()), loop.time())
        await beats.reach(10)
        await asyncio.to_thread(one.cancel)
        count = beats.count
        other = Beats(loop)
        kept(loop, other, loop.time())
        await other.reach(10)
        assert beats.count <= count + 1
        assert beats.threads == {threading.get_ident()}
        assert len(once) == 1

    run(story, make())


@both
def test_a_beat_that_is_put_off_comes_later(make):
    async def story():
        loop = asyncio.get_running_loop()
        late: list[bool] = []

        def watch() -> None:
            late.append(True)

        watched = kept(loop, watch, loop.time() + 4 * PERIOD_S)

        def put_off() -> None:
            watched.at = loop.time() + 20 * PERIOD_S

        beats = Beats(loop, put_off)
        beat = kept(loop, beats, loop.time())
        await beats.reach(30)
        beats_until_then = beats.count
        assert not late
        beat.cancel()
        other = Beats(loop)
        kept(loop, other, loop.time())
        await other.reach(60)
        assert late
        assert beats.count <= beats_until_then + 1

    run(story, make())


@both
def test_a_beat_that_fails_is_told_of_and_goes_on(make):
    async def story():
        loop = asyncio.get_running_loop()
        told: list[object] = []
        loop.set_exception_handler(lambda _loop, context: told.append(context["exception"]))

        def fail() -> None:
            raise ValueError("out of step")

        beats = Beats(loop, fail)
        kept(loop, beats, loop.time())
        await beats.reach(3)
        assert all(isinstance(each, ValueError) for each in told)
        assert len(told) >= 2

    run(story, make())


def test_what_a_beat_asks_of_the_loop_is_done_before_the_next_one():
    async def story():
        loop = asyncio.get_running_loop()
        at_once, later = asyncio.Event(), asyncio.Event()

        def beat() -> float:
            loop.call_soon(at_once.set)
            loop.call_later(PERIOD_S, later.set)
            return loop.time() + LATER_S

        began = loop.time()
        kept(loop, beat, began)
        await at_once.wait()
        await later.wait()
        assert loop.time() - began < LIMIT_S

    run(story, BeatLoop())


def test_timers_and_descriptors_are_looked_after_between_beats():
    async def story():
        loop = asyncio.get_running_loop()
        kept(loop, lambda: loop.time() + LATER_S, loop.time())
        await asyncio.sleep(PERIOD_S)
        assert await asyncio.to_thread(lambda: "another thread") == "another thread"
        one, other = socket.socketpair()
        with one, other:
            one.setblocking(False)
            other.send(b"word")
            assert await loop.sock_recv(one, 10) == b"word"

    run(story, BeatLoop())


def test_a_descriptor_that_always_has_something_keeps_no_beat_back():
    async def story():
        loop = asyncio.get_running_loop()
        one, other = socket.socketpair()
        with one, other:
            other.send(b"never read")
            reads: list[None] = []
            loop.add_reader(one, reads.append, None)
            beats = Beats(loop)
            kept(loop, beats, loop.time())
            await beats.reach(10)
            loop.remove_reader(one)
            assert reads

    run(story, BeatLoop())


def test_a_loop_without_a_beat_sleeps():
    async def story():
        loop = asyncio.get_running_loop()
        gone = kept(loop, lambda: None, loop.time())
        assert isinstance(gone, KeptBeat)
        await asyncio.sleep(2 * PERIOD_S)
        rounds = loop._beats.select
        count = 0

        def select(timeout):
            nonlocal count
            count += 1
            return rounds(timeout)

        loop._beats.select = select
        await asyncio.sleep(20 * PERIOD_S)
        assert count <= 3

    run(story, BeatLoop())


def test_a_sound_device_that_was_lent_to_the_loop_survives_its_standing_still():
    async def story():
        here, captured, more = threading.get_ident(), list[int](), threading.Condition()

        def sink(_frame: bytes) -> None:
            with more:
                captured.append(threading.get_ident())
                more.notify_all()

        def wait_for(wanted: bool, since: int) -> bool:
            with more:
                return more.wait_for(lambda: any((thread == here) == wanted for thread in captured[since:]), LIMIT_S)

        with WavSound() as sound:
            sound.set_capture(sink)
            sound.start()
            sound.lend_beat(asyncio.get_running_loop())
            assert await asyncio.to_thread(wait_for, True, 0)
            assert wait_for(False, len(captured))  # the loop stands still here
            assert await asyncio.to_thread(wait_for, True, len(captured))
            sound.take_back_beat()
            assert await asyncio.to_thread(wait_for, False, len(captured))

    run(story, BeatLoop())

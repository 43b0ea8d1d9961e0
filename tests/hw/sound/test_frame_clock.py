"""The beat of a device without a card: kept by a thread, lent to a loop, never by both."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from hw.sound.frame_clock import PROBATION_S, FrameClock
from hw.sound.interface import LoopPaced
from hw.sound.wav_sound import WavSound

PERIOD_S = 0.005


class Ticks:
    """Notes the thread of every tick, and lets a test wait for one on a certain thread."""

    def __init__(self) -> None:
        self.threads: list[int] = []
        self._more = threading.Condition()

    def __call__(self) -> None:
        with self._more:
            self.threads.append(threading.get_ident())
            self._more.notify_all()

    def wait_for(self, wanted: bool, thread: int, since: int = 0) -> bool:
        """A tick on `thread`, or (`wanted` False) on another one, among those from number `since` on."""
        with self._more:
            return self._more.wait_for(lambda: any((t == thread) == wanted for t in self.threads[since:]), 10)


@contextmanager
def started(ticks: Ticks) -> Iterator[FrameClock]:
    beat = FrameClock(PERIOD_S, ticks)
    beat.start()
    try:
        yield beat
    finally:
        beat.stop()


async def until_ticked(ticks: Ticks, wanted: bool, since: int = 0) -> bool:
    return await asyncio.to_thread(ticks.wait_for, wanted, threading.get_ident(), since)


def test_a_thread_keeps_the_beat_until_it_is_lent():
    async def story():
        ticks = Ticks()
        with started(ticks) as beat:
            assert await until_ticked(ticks, wanted=False)
            beat.lend(asyncio.get_running_loop())
            assert await until_ticked(ticks, wanted=True)
            begun = ticks.threads.index(threading.get_ident())
            assert await until_ticked(ticks, wanted=True, since=begun + 5)
            assert set(ticks.threads[begun:]) == {threading.get_ident()}

    asyncio.run(story())


def test_a_beat_that_is_given_back_goes_on_on_a_thread():
    async def story():
        ticks = Ticks()
        with started(ticks) as beat:
            beat.lend(asyncio.get_running_loop())
            assert await until_ticked(ticks, wanted=True)
            beat.take_back()
            taken = len(ticks.threads)
            assert await until_ticked(ticks, wanted=False, since=taken)
            assert threading.get_ident() not in ticks.threads[taken:]

    asyncio.run(story())


def test_a_beat_lent_before_it_begins_begins_in_the_loop():
    async def story():
        ticks = Ticks()
        beat = FrameClock(PERIOD_S, ticks)
        beat.lend(asyncio.get_running_loop())
        beat.start()
        assert await until_ticked(ticks, wanted=True)
        beat.stop()

    asyncio.run(story())


def test_a_loop_that_ended_without_giving_back_does_not_stop_the_next_one():
    ticks = Ticks()
    with started(ticks) as beat:

        async def leave():
            beat.lend(asyncio.get_running_loop())
            assert await until_ticked(ticks, wanted=True)

        async def go_on():
            since = len(ticks.threads)
            beat.lend(asyncio.get_running_loop())
            assert await until_ticked(ticks, wanted=True, since=since)

        asyncio.run(leave())
        asyncio.run(go_on())


def test_a_loop_that_stands_still_loses_the_beat():
    async def story():
        ticks = Ticks()
        with started(ticks) as beat:
            beat.lend(asyncio.get_running_loop())
            assert await until_ticked(ticks, wanted=True)
            assert ticks.wait_for(False, threading.get_ident(), since=len(ticks.threads))  # the loop stands still here
            since = len(ticks.threads)
            assert await until_ticked(ticks, wanted=False, since=since + 5)
            assert threading.get_ident() not in ticks.threads[since:]

    asyncio.run(story())


def test_a_loop_that_stood_still_has_the_beat_again_once_it_goes_on():
    async def story():
        ticks = Ticks()
        with started(ticks) as beat:
            beat.lend(asyncio.get_running_loop())
            assert ticks.wait_for(False, threading.get_ident(), since=len(ticks.threads))  # the loop stands still here
            lost = len(ticks.threads)
            assert await until_ticked(ticks, wanted=True, since=lost)
            again = len(ticks.threads)
            assert await until_ticked(ticks, wanted=True, since=again + 5)
            assert set(ticks.threads[again:]) == {threading.get_ident()}

    asyncio.run(story())


def test_a_loop_that_gave_the_beat_back_does_not_get_it_again():
    async def story():
        ticks = Ticks()
        with started(ticks) as beat:
            loop = asyncio.get_running_loop()
            beat.lend(loop)
            assert ticks.wait_for(False, threading.get_ident(), since=len(ticks.threads))  # the loop stands still here
            beat.take_back()
            since, later = len(ticks.threads), asyncio.Event()
            loop.call_later(2 * PROBATION_S, later.set)
            await later.wait()
            assert threading.get_ident() not in ticks.threads[since:]

    asyncio.run(story())


def test_nothing_beats_after_the_stop():
    async def story():
        ticks = Ticks()
        with started(ticks) as beat:
            beat.lend(asyncio.get_running_loop())
            assert await until_ticked(ticks, wanted=True)
            await asyncio.to_thread(beat.stop)
            count = len(ticks.threads)
            beat.take_back()
            later = asyncio.Event()
            asyncio.get_running_loop().call_later(5 * PERIOD_S, later.set)
            await later.wait()
            assert len(ticks.threads) == count

    asyncio.run(story())


def test_a_device_that_writes_a_file_keeps_its_beat(tmp_path):
    """A disk may take its time, and a call's loop may not."""

    async def story():
        ticks = Ticks()
        sound = WavSound(playback=tmp_path / "heard.wav")
        sound.set_capture(lambda frame: ticks())
        sound.start()
        sound.lend_beat(asyncio.get_running_loop())
        assert await until_ticked(ticks, wanted=False, since=5)
        sound.close()
        assert threading.get_ident() not in ticks.threads

    asyncio.run(story())


def test_files_can_be_paced_by_a_loop():
    assert isinstance(WavSound(), LoopPaced)

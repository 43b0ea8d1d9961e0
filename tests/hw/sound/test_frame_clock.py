"""The beat of a device without a card: kept by a thread, lent to a loop, never by both."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from hw.sound import frame_clock
from hw.sound.frame_clock import PROBATION_S, FrameClock
from hw.sound.interface import LoopPaced
from hw.sound.wav_files import load_pcm
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


def test_ticks_that_come_late_together_were_due_one_after_the_other():
    due, enough = list[float](), threading.Event()

    def tick() -> None:
        due.append(beat.due_at)
        if len(due) == 1:
            enough.wait(5 * PERIOD_S)  # the ticks after it are late
        if len(due) == 6:
            enough.set()

    beat = FrameClock(PERIOD_S, tick)
    beat.start()
    assert enough.wait(20)
    beat.stop()
    assert all(later - earlier > PERIOD_S * 0.99 for earlier, later in pairwise(due))


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


# --- rest ---


class Use:
    """Whether the beat is of use, as a test says; notes each rest that was over."""

    def __init__(self) -> None:
        self.wanted = False
        self.rested = threading.Event()

    def __call__(self) -> bool:
        return self.wanted


@contextmanager
def resting(ticks: Ticks, use: Use, monkeypatch: pytest.MonkeyPatch) -> Iterator[FrameClock]:
    monkeypatch.setattr(frame_clock, "REST_AFTER_S", 0.05)
    beat = FrameClock(PERIOD_S, ticks, use, lambda _rested_s: use.rested.set())
    beat.start()
    try:
        yield beat
    finally:
        beat.stop()


def until_rests(beat: FrameClock) -> None:
    until = time.monotonic() + 10
    while not beat.rests and time.monotonic() < until:
        time.sleep(0.001)
    assert beat.rests


def test_a_beat_of_no_use_rests_until_there_is_use_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks, use = Ticks(), Use()
    with resting(ticks, use, monkeypatch) as beat:
        until_rests(beat)
        count = len(ticks.threads)
        beat.stir()  # nobody wants it after all
        assert not use.rested.wait(0.05)
        assert len(ticks.threads) == count
        use.wanted = True
        beat.stir()
        assert use.rested.wait(10)
        assert ticks.wait_for(False, threading.get_ident(), since=count + 3)


def test_a_beat_that_rests_can_be_lent_and_rests_again_when_it_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        ticks, use = Ticks(), Use()
        with resting(ticks, use, monkeypatch) as beat:
            until_rests(beat)
            beat.lend(asyncio.get_running_loop())
            assert await until_ticked(ticks, wanted=True)
            beat.take_back()
            await asyncio.to_thread(until_rests, beat)

    asyncio.run(story())


def test_a_beat_that_rests_can_be_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks, use = Ticks(), Use()
    with resting(ticks, use, monkeypatch) as beat:
        until_rests(beat)
        beat.stop()
        assert beat._thread is not None
        assert not beat._thread.is_alive()


def test_files_rest_and_what_is_said_and_heard_after_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame_clock, "REST_AFTER_S", 0.1)
    file = tmp_path / "heard.wav"
    word = b"\x07\x00" * 960
    with WavSound(capture=b"\x01\x00" * 96_000, playback=file) as sound:
        sound.start()
        for _ in range(3):
            until_rests(sound._clock)
            assert sound.progress_s() == 0.0
            began = time.monotonic()
            threading.Event().wait(0.2)
            playing = sound.mixer.play(word)
            heard = threading.Event()
            sound.set_capture(lambda frame, heard=heard: heard.set() if frame[:1] == b"\x01" else None)
            assert heard.wait(10)
            assert sound.progress_s() < 1
            sound.set_capture(None)
            while not playing.done:
                threading.Event().wait(0.005)
            assert time.monotonic() - began < 10
        lasted = time.monotonic() - began
    played = load_pcm(file)
    assert played.count(word) == 3
    assert len(played) >= lasted * 96_000  # what was silent is in the file, too


def test_a_file_without_room_for_a_pause_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frame_clock, "REST_AFTER_S", 0.1)

    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with WavSound(playback=tmp_path / "heard.wav") as sound:
        monkeypatch.setattr(sound._writer, "skip", full)
        sound.start()
        until_rests(sound._clock)
        playing = sound.mixer.play(b"\x07\x00" * 960)
        while not playing.done:
            threading.Event().wait(0.005)

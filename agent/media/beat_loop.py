"""An asyncio loop that keeps a beat in its sleep: what is done for each frame goes past its timers and its queue.

A timer of asyncio is made, sorted, taken up in a round of the loop and thrown away. Here the selector, in which the
loop sleeps, calls the beat, and sleeps on unless the loop has got something to do: half the price of a wake-up.
"""

from __future__ import annotations

import asyncio
import math
import os
import select
from collections.abc import Callable
from contextvars import Context
from heapq import heappop, heappush, heapreplace
from itertools import count
from selectors import EpollSelector, SelectorKey
from time import monotonic
from typing import TypeVarTuple

AFTER_FAILURE_S = 0.1  # a beat that failed goes on
Arguments = TypeVarTuple("Arguments")
Beat = Callable[[], float | None]  # does what is due; when it is to be called again, None for never


class KeptBeat:
    """One beat of a loop. Whoever works in the loop may put it off: `at` is when it is called next, infinity: never."""

    def __init__(self, call: Beat, first_at: float) -> None:
        self.call: Beat = call
        self.at = first_at

    def cancel(self) -> None:
        """Call it no more; any thread, idempotent."""
        self.call = _nothing


class BeatSelector(EpollSelector):
    """Waits for descriptors, and calls the beats meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.on_failure: Callable[[Exception], None] = _nothing
        self.has_news = False  #: whether the loop has got something to do since a beat began
        self._sleep = select.epoll.fromfd(os.dup(self.fileno()))  # the same, without what `select` adds to it
        self._beats: list[tuple[float, int, KeptBeat]] = []  # a heap, by when each was due before it was put off
        self._numbers = count()

    def keep(self, beat: KeptBeat) -> None:
        """Call it from now on; in the loop's thread."""
        heappush(self._beats, (beat.at, next(self._numbers), beat))

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        """Wait for descriptors, as long as the base would, or until a beat gave the loop something to do."""
        beat = self._soonest()
        if beat is None:
            return super().select(timeout)
        now, sleep = monotonic(), self._sleep.poll
        until = math.inf if timeout is None else now + timeout
        while beat is not None:
            if now >= beat.at:
                self.has_news = False
                self._call(beat)
                beat = self._soonest()
                if self.has_news:
                    break
            elif now >= until or sleep((beat.at if beat.at < until else until) - now, 1):
                break
            now = monotonic()
        return super().select(0)

    def close(self) -> None:
        """Let go of the descriptors; idempotent."""
        self._sleep.close()
        super().close()

    def _call(self, beat: KeptBeat) -> None:
        again_at: float | None
        try:
            again_at = beat.call()
        except Exception as error:
            again_at = monotonic() + AFTER_FAILURE_S
            self.on_failure(error)
        beat.at = math.inf if again_at is None else again_at

    def _soonest(self) -> KeptBeat | None:
        beats = self._beats
        while beats:
            at, _, beat = beats[0]
            if beat.at <= at:
                return beat
            if beat.at < math.inf:
                heapreplace(beats, (beat.at, next(self._numbers), beat))
            else:
                heappop(beats)
        return None


class BeatLoop(asyncio.SelectorEventLoop):
    """As asyncio's own, and keeps beats (hw.sound.interface.BeatKeeper)."""

    def __init__(self) -> None:
        self._beats = BeatSelector()
        super().__init__(self._beats)
        self._beats.on_failure = self._failed

    time = staticmethod(monotonic)  # as the base's, without a step between

    def keep_beat(self, beat: Beat, first_at: float) -> KeptBeat:
        """Call `beat` at that time, and whenever it asks for; in the loop's thread only."""
        kept = KeptBeat(beat, first_at)
        self._beats.keep(kept)
        return kept

    def call_soon(
        self, callback: Callable[[*Arguments], object], *args: *Arguments, context: Context | None = None
    ) -> asyncio.Handle:
        """Call it in the next round, for which the loop does not sleep on."""
        self._beats.has_news = True
        return super().call_soon(callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Arguments], object], *args: *Arguments, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Call it at that time, until which the loop does not sleep on."""
        self._beats.has_news = True
        return super().call_at(when, callback, *args, context=context)

    def _failed(self, error: Exception) -> None:
        self.call_exception_handler({"message": "a beat failed", "exception": error})


def kept(loop: asyncio.AbstractEventLoop, beat: Beat, first_at: float) -> KeptBeat:
    """Let any loop keep a beat: one that has no better way by its timers; in the loop's thread only."""
    if isinstance(loop, BeatLoop):
        return loop.keep_beat(beat, first_at)
    made = KeptBeat(beat, first_at)

    def look() -> None:
        again_at: float | None = made.at
        if loop.time() >= made.at:
            again_at = loop.time() + AFTER_FAILURE_S
            try:
                again_at = made.call()
            finally:
                arm(again_at)
        else:
            arm(again_at)

    def arm(again_at: float | None) -> None:
        if again_at is not None:
            made.at = again_at
            loop.call_at(again_at, look)

    loop.call_at(first_at, look)
    return made


def _nothing(*_arguments: object) -> None:
    """Nobody wants the beat, or hears of its failure."""

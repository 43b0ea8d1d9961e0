"""The beat of a sound device without a card: a native thread keeps it, or an event loop that offers to.

A loop that has a call to serve wakes up for each frame anyway; lent the beat, it saves the wake-up of a second thread.
Only one of them beats at any time: the thread hands over as it ends, and a loop gives back by starting a new thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from hw.pacer import Pacer
from hw.wake import Wake


class Timer(Protocol):
    """What a loop returns for a call to come."""

    def cancel(self) -> None:
        """Do not call."""


class Loop(Protocol):
    """What the beat needs of an asyncio loop, whose clock is `time.monotonic`."""

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        """Call at that time; in the loop's thread only."""

    def call_soon_threadsafe(self, callback: Callable[[], None]) -> Any:
        """Call soon; any thread. RuntimeError when the loop has ended."""


class Beat:
    """Calls `tick` once in every period between `start` and `stop`."""

    def __init__(self, period_s: float, tick: Callable[[], None]) -> None:
        self._period_s = period_s
        self._tick = tick
        self._pacer = Pacer(period_s, time.monotonic())
        self._wake = Wake()
        self._ticking = threading.Lock()
        self._loop: Loop | None = None
        self._timer: Timer | None = None
        self._thread: threading.Thread | None = None
        self._stopped = False

    def start(self) -> None:
        """Begin; idempotent."""
        if self._thread is None and not self._stopped:
            self._pacer.restart(time.monotonic())
            self._start_thread()

    def stop(self) -> None:
        """End; no tick begins after this returns; idempotent, any thread."""
        self._stopped = True
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(1.0)
        if self._ticking.acquire(timeout=1.0):  # a tick of the loop may be under way
            self._ticking.release()

    def lend(self, loop: Loop) -> None:
        """Let `loop` keep the beat from now on, or from `start` on; call it in the loop's thread."""
        if self._loop is not loop:
            self.take_back()  # of a loop that ended without giving it back
        self._loop = loop
        self._wake.set()

    def take_back(self) -> None:
        """Keep the beat on a thread again; call it in the loop's thread; idempotent."""
        if self._loop is None:
            return
        self._loop = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            if not self._stopped:
                self._start_thread()

    def _start_thread(self) -> None:
        thread = threading.Thread(target=self._run, name="wav-sound", daemon=True)
        thread.start()
        self._thread = thread  # only now can it be joined

    def _run(self) -> None:
        while not self._stopped:
            if (loop := self._loop) is not None and self._hand_over(loop):
                return
            self._wake.wait(self._pacer.wait_s(time.monotonic()))
            self._catch_up()

    def _hand_over(self, loop: Loop) -> bool:
        try:
            loop.call_soon_threadsafe(self._beat_in_loop)
        except RuntimeError:  # the loop has ended meanwhile
            self._loop = None
        return self._loop is not None

    def _beat_in_loop(self) -> None:
        if self._loop is None:  # taken back before the thread had handed over
            if not self._stopped:
                self._start_thread()
            return
        self._catch_up()
        now = time.monotonic()
        self._timer = self._loop.call_at(now + self._pacer.wait_s(now), self._beat_in_loop)

    def _catch_up(self) -> None:
        with self._ticking:
            for _ in range(self._pacer.due(time.monotonic())):
                if not self._stopped:
                    self._tick()

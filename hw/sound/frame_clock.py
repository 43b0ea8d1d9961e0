"""The beat of a sound device without a card: a native thread keeps it, or an event loop that offers to.

A loop that has a call to serve wakes up for each frame anyway; lent the beat, it saves the wake-up of a second thread,
which only sees to it that the loop does not stand still. Only one of them beats at any time. A loop that stood still,
as one does while it starts, has the beat again once it goes on.

The thread rests when its owner has had no use for the beat for a while, and goes on when it is stirred.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from hw.sound.interface import BeatKeeper, Loop, LoopTimer
from hw.sound.pacer import Pacer
from hw.sound.wake import Wake

LOOK_S = 1.0  # between two looks at a loop that keeps the beat: each wakes up a thread
PATIENCE_S = 0.2  # a loop that is so late then loses the beat ...
PROBATION_S = 1.0  # ... until it was punctual after so long
REST_AFTER_S = 5.0  # without any use for the beat


class ClockOwner:
    """Who keeps the beat at a time: `loop`, or the thread. One that stood still while it was replaced ticks no more."""

    def __init__(self, loop: Loop | None) -> None:
        self.loop = loop
        self.ticking = threading.Lock()
        self.timer: LoopTimer | None = None


class FrameClock:
    """Calls `tick` once in every period between `start` and `stop`."""

    def __init__(self, period_s: float, tick: Callable[[], None], is_used: Callable[[], bool] = lambda: True,
                 on_rested: Callable[[float], None] = lambda _rested_s: None) -> None:
        """`is_used()` tells whether the beat is of use now; `on_rested` is told how long there was none, before one."""
        self._tick = tick
        self._is_used, self._on_rested = is_used, on_rested
        self._used_at = time.monotonic()
        self.rests = False
        self.is_lent = False  #: whether a loop keeps the beat
        self.due_at = 0.0  #: when the present tick should have been, however late it is
        self._period_s, self._pacer = period_s, Pacer(period_s, time.monotonic())
        self._ticked_at = time.monotonic()
        self._wake = Wake()
        self._keeper = ClockOwner(None)
        self._late: ClockOwner | None = None  # it lost the beat, and may have it again
        self._thread: threading.Thread | None = None
        self._stopped = False

    def start(self) -> None:
        """Begin; idempotent."""
        if self._thread is None and not self._stopped:
            self._used_at = time.monotonic()
            self._pacer.restart(self._used_at)
            thread = threading.Thread(target=self._run, name="wav-sound", daemon=True)
            thread.start()
            self._thread = thread  # only now can it be joined

    def stir(self) -> None:
        """Let a clock that rests go on, because there is use for it; any thread."""
        if self.rests:
            self._wake.set()

    def stop(self) -> None:
        """End; no tick begins after this returns; idempotent, any thread."""
        self._stopped = True
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(1.0)
        keeper = self._keeper
        if keeper.ticking.acquire(timeout=1.0):  # a tick of the loop may be under way
            keeper.ticking.release()

    def lend(self, loop: Loop) -> None:
        """Let `loop` keep the beat once it was begun; call it in the loop's thread."""
        keeper = self._replace(loop)

        def beat() -> float | None:
            if self._catch_up(keeper):
                return self._pacer.next_at
            if keeper is self._late:
                prove(time.monotonic() + PROBATION_S)
            return None

        def again() -> None:
            if (due := beat()) is not None:
                keeper.timer = loop.call_at(due, again)

        def prove(due: float) -> None:
            keeper.timer = loop.call_at(due, lambda: judge(due))

        def judge(due: float) -> None:
            now = time.monotonic()
            if keeper is not self._late or self._stopped:
                return
            if now - due < PATIENCE_S:
                self.lend(loop)
            else:
                prove(now + PROBATION_S)

        due = self._pacer.next_at
        keeper.timer = loop.keep_beat(beat, due) if isinstance(loop, BeatKeeper) else loop.call_at(due, again)

    def take_back(self) -> None:
        """Keep the beat on the thread again; call it in the loop's thread; idempotent."""
        if self._keeper.loop is not None or self._late is not None:
            self._replace(None)

    def _replace(self, loop: Loop | None) -> ClockOwner:
        before, self._keeper, self.is_lent = self._keeper, ClockOwner(loop), loop is not None
        for owner in (before, self._late):
            if owner is not None and owner.timer is not None:
                owner.timer.cancel()
        self._late = None
        self._ticked_at = self._used_at = time.monotonic()
        self._wake.set()
        return self._keeper

    def _run(self) -> None:
        while not self._stopped:
            keeper, now = self._keeper, time.monotonic()
            if keeper.loop is None and self._may_rest(now):
                self._rest()
            elif keeper.loop is None:
                self._wake.wait(self._pacer.wait_s(now))
                self._catch_up(keeper)
            elif now - self._ticked_at > PATIENCE_S:
                self._keeper, self._late, self.is_lent = ClockOwner(None), keeper, False
            else:
                self._wake.wait(LOOK_S)

    def _may_rest(self, now: float) -> bool:
        if self._is_used():
            self._used_at = now
        return now - self._used_at >= REST_AFTER_S

    def _rest(self) -> None:
        began = time.monotonic()
        self.rests = True
        while not (self._stopped or self._keeper.loop or self._is_used()):
            self._wake.wait(None)
        self._used_at = now = time.monotonic()
        if self._keeper.loop is None:
            self._pacer.restart(now)
        self._on_rested(now - began)
        self.rests = False

    def _catch_up(self, keeper: ClockOwner) -> bool:
        """Do what is due, if `keeper` keeps the beat; whether it still does."""
        with keeper.ticking:
            if keeper is not self._keeper:
                return False
            self._ticked_at = now = time.monotonic()
            for left in range(self._pacer.take_due(now), 0, -1):
                self.due_at = self._pacer.next_at - left * self._period_s
                if self._thread is not None and not self._stopped:
                    self._tick()
        return keeper is self._keeper and not self._stopped

"""The real clock: monotonic time, and timers on the gevent hub that ring in the order of their times.

Timers of one time ring first in, first out: libev promises no order, so it has one timer for all of ours.
"""

from __future__ import annotations

import math
import threading
import time
from bisect import bisect_left, insort
from collections.abc import Callable
from itertools import count
from typing import Any

import gevent
from gevent.event import Event

from agent.clock import Timer
from agent.handlers import log_failure

_Entry = tuple[float, int, "HubTimer"]


class HubTimer:
    """One pending call on the gevent hub."""

    def __init__(self, timetable: _Timetable, due: float, fn: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self._timetable = timetable
        self._fn: Callable[..., Any] | None = fn
        self._args = args
        self._entry = timetable.add(due, self)

    def run(self) -> None:
        """Do it, unless it was cancelled."""
        fn, self._fn = self._fn, None
        if fn is None:
            return
        try:
            fn(*self._args)
        except BaseException as exc:
            log_failure("a timer", fn, exc)

    def cancel(self) -> None:
        """Make sure it does not happen; idempotent. A callback that cancels its own timer runs to its end."""
        if self._fn is not None:
            self._fn = None
            self._timetable.remove(self._entry)


class HubClock:
    """The real clock."""

    def now(self) -> float:
        """Return monotonic seconds."""
        return time.monotonic()

    def call_later(self, delay_s: float, fn: Callable[..., Any], *args: Any) -> Timer:
        """Call `fn(*args)` once in a greenlet of its own after `delay_s`; 0 means the hub's next turn."""
        return HubTimer(_timetable(), time.monotonic() + max(0.0, delay_s), fn, args)


def sleep_to_round(period_s: float, event: Event | None = None) -> bool:
    """Sleep until the clock shows a whole multiple of `period_s`, or until `event`; whether that is set.

    Who looks now and then has no need of a moment of its own: all who look each second, or each tenth, wake up at once.
    """
    over, now = Event(), time.monotonic()
    timer = HubTimer(_timetable(), (math.floor(now / period_s) + 1) * period_s, over.set, ())
    try:
        gevent.wait([over] if event is None else [event, over], count=1)
    finally:
        timer.cancel()
    return event is not None and event.is_set()


def wait_to_round(event: Event, pause_s: float | None, period_s: float) -> None:
    """Wait for `event`: at most `pause_s`, or, where that is longer, to the next whole multiple of `period_s`."""
    if pause_s is None or pause_s >= period_s:
        sleep_to_round(period_s, event)
    else:
        event.wait(max(0.0, pause_s))


class _Timetable:
    """Every pending timer of one hub, sorted by time and then by age."""

    def __init__(self, hub: gevent.hub.Hub) -> None:
        self.hub = hub
        self._entries: list[_Entry] = []
        self._ages = count()
        self._alarm = hub.loop.timer(0.0)
        self._alarm_at: float | None = None

    def add(self, due: float, timer: HubTimer) -> _Entry:
        entry = (due, next(self._ages), timer)
        insort(self._entries, entry)
        self._rearm()
        return entry

    def remove(self, entry: _Entry) -> None:
        at = bisect_left(self._entries, entry[:2], key=lambda each: each[:2])
        if at < len(self._entries) and self._entries[at] is entry:
            del self._entries[at]
            self._rearm()

    def _rearm(self) -> None:
        due = self._entries[0][0] if self._entries else None
        if due == self._alarm_at:
            return
        self._alarm.close()
        self._alarm_at = due
        if due is not None:
            self.hub.loop.update_now()  # after a busy moment the loop's clock is late, and the wait would be short
            self._alarm = self.hub.loop.timer(max(0.0, due - time.monotonic()))
            self._alarm.start(self._ring)

    def _ring(self) -> None:
        """Start what is due, in order; each in a greenlet of its own."""
        self._alarm_at = None
        due = bisect_left(self._entries, (time.monotonic(), -1), key=lambda each: each[:2])
        ringing, self._entries = self._entries[:due], self._entries[due:]
        for _due, _age, timer in ringing:
            gevent.spawn(timer.run)
        self._rearm()


_of_thread = threading.local()


def _timetable() -> _Timetable:
    hub = gevent.get_hub()
    timetable: _Timetable | None = getattr(_of_thread, "timetable", None)
    if timetable is None or timetable.hub is not hub:
        timetable = _of_thread.timetable = _Timetable(hub)
    return timetable

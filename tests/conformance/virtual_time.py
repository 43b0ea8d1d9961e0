"""Time that passes only when the replay says so, on a hub whose sockets are real."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable
from typing import Any

import gevent

TURN_S = 0.0005
QUIET_TURNS = 4
LONGEST_WAIT_S = 2.0
LEAST_DELAY_S = 1e-6  # the sum of a time and a shorter delay may be the time itself


class VirtualTimer:
    def __init__(self, fn: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self.fn: Callable[..., Any] | None = fn
        self.args = args

    def cancel(self) -> None:
        self.fn = None


class VirtualClock:
    """An agent.clock.Clock; timers run in greenlets of their own, at their virtual times."""

    def __init__(self) -> None:
        self.activity = 0
        self._now = 0.0
        self._order = itertools.count()
        self._timers: list[tuple[float, int, VirtualTimer]] = []

    def now(self) -> float:
        return self._now

    def call_later(self, delay_s: float, fn: Callable[..., Any], *args: Any) -> VirtualTimer:
        timer = VirtualTimer(fn, args)
        self.activity += 1
        heapq.heappush(self._timers, (self._now + max(LEAST_DELAY_S, delay_s), next(self._order), timer))
        return timer

    def next_due(self) -> float | None:
        """When the next timer rings."""
        while self._timers and self._timers[0][2].fn is None:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def run_due(self, until: float) -> bool:
        """Move to the next timer due by `until` and start it; False when there is none, and then `until` it is."""
        due = self.next_due()
        if due is None or due > until:
            self._now = max(self._now, until)
            return False
        self._now = max(self._now, due)
        _, _, timer = heapq.heappop(self._timers)
        if timer.fn is not None:
            gevent.spawn(timer.fn, *timer.args)
        return True


def settle(activity: Callable[[], int], in_flight: Callable[[], bool]) -> None:
    """Let the hub and its sockets work until what was sent has arrived and nothing moves any more."""
    limit = time.monotonic() + LONGEST_WAIT_S
    quiet, seen = 0, -1
    while quiet < QUIET_TURNS or (in_flight() and time.monotonic() < limit):
        gevent.sleep(TURN_S)
        quiet = quiet + 1 if activity() == seen else 0
        seen = activity()

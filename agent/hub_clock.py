"""The real clock: monotonic time and the timers of the gevent hub."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import gevent

from agent.clock import Timer

log = logging.getLogger(__name__)


class HubTimer:
    """One pending call on the gevent hub."""

    def __init__(self, delay_s: float, fn: Callable[..., Any], args: tuple[Any, ...]) -> None:
        gevent.get_hub().loop.update_now()  # after a busy moment the loop's clock is late, and the wait would be short
        self._greenlet = gevent.spawn_later(delay_s, self._run, fn, args)
        self._started = False

    def _run(self, fn: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self._started = True
        try:
            fn(*args)
        except Exception:
            log.exception("a timer failed: %r", fn)

    def cancel(self) -> None:
        if not self._started:  # a callback may cancel its own timer and must then still run to its end
            self._greenlet.kill(block=False)


class HubClock:
    """The real clock."""

    def now(self) -> float:
        return time.monotonic()

    def call_later(self, delay_s: float, fn: Callable[..., Any], *args: Any) -> Timer:
        return HubTimer(max(0.0, delay_s), fn, args)

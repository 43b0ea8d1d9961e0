"""One timer that follows a deadline which moves. Whatever fails when it rings, it goes on ringing.

A timer that is set again at the end of its own work dies with the first failure in that work, and with it everything
that was to happen later. So nobody who waits for points in time sets timers: an `Alarm` does.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.clock import Clock, Timer

log = logging.getLogger(__name__)

AGAIN_S = 0.1  # before what was due is done again that changed nothing
AFTER_FAILURE_S = 0.5  # what fails at once each time must not eat the machine


class Alarm:
    """Calls `act()` when `deadline()`, in monotonic seconds, is reached; its owner calls `follow` after each change."""

    def __init__(self, clock: Clock, deadline: Callable[[], float | None], act: Callable[[], None]) -> None:
        self._clock = clock
        self._deadline = deadline
        self._act = act
        self._timer: Timer | None = None
        self._due: float | None = None
        self._failures = 0

    def follow(self) -> None:
        """Await the deadline as it is now. A timer that rings too early does no harm, so a later one needs no new."""
        due = self._deadline()
        if due is None or self._due is None or due < self._due:
            self._set(due)

    def cancel(self) -> None:
        """Ring no more, and be late for nothing; idempotent."""
        self._set(None)
        self._deadline = lambda: None

    def overdue_s(self) -> float:
        """Return the seconds since something should have been done; 0 while nothing is late, for ever if unknown."""
        try:
            due = self._deadline()
        except Exception:
            return math.inf
        return 0.0 if due is None else max(0.0, self._clock.now() - due)

    def _set(self, due: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._due = due
        self._timer = None if due is None else self._clock.call_later(max(0.0, due - self._clock.now()), self._ring)

    def _ring(self) -> None:
        self._timer = self._due = None
        try:
            due = self._deadline()
            is_due = due is not None and due <= self._clock.now()
            if is_due:
                self._act()
            if is_due and self._deadline() == due:  # nothing came of it, and at once nothing would again
                self._set(self._clock.now() + AGAIN_S)
            else:
                self.follow()
        except Exception as error:
            self._failed(error)
        except BaseException:  # whoever ends this greenlet ends one ring of it
            self._set(self._clock.now() + AFTER_FAILURE_S)
            raise
        else:
            self._failures = 0

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        if self._failures == 1:
            log.error("what was due failed; it is tried again", exc_info=error)
        else:
            log.debug("what was due failed %d times in a row: %r", self._failures, error)
        self._set(self._clock.now() + AFTER_FAILURE_S)

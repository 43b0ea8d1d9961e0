"""How the agent lives under systemd: it is watched by real progress, and it ends when it is told to.

The watchdog is fed from the hub, so a hub that stands still feeds nothing; and only while every other sign of life
(the media thread, the sound card, the pins) is fresh too. systemd then ends the process with SIGABRT, which leaves
the stack of every thread in the journal, and starts it again.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import signal
import threading
from collections.abc import Callable

import gevent

from agent.heartbeat import Heartbeat, Vitals
from agent.log import FailureLog
from agent.notifier import Notifier

log = logging.getLogger(__name__)

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Watchdog:
    """Feeds systemd's watchdog while all of `vitals` are fresh; `run` is a child for the supervisor."""

    def __init__(self, notifier: Notifier, vitals: Vitals, timeout_s: float) -> None:
        self._notifier = notifier
        self._vitals = vitals
        self._interval_s = timeout_s / 4
        self._failures = FailureLog(log, "the watchdog's check of progress")

    def run(self, heartbeat: Heartbeat) -> None:
        """Check and feed for ever, four times per timeout."""
        while True:
            self.check()
            heartbeat.beat()
            gevent.sleep(self._interval_s)

    def check(self) -> bool:
        """Feed once if everything made progress; whether it did."""
        stalled = self._vitals.stalled()
        if stalled:
            self._failures.failed("no progress of " + ", ".join(stalled))
            return False
        self._failures.recovered()
        self._notifier.watchdog()
        return True


class StopSignals:
    """Calls `stop(reason)` once, in a greenlet, at the first SIGTERM, SIGINT or SIGHUP; a second SIGINT leaves."""

    def __init__(self, stop: Callable[[str], None]) -> None:
        self._stop = stop
        self._reason: str | None = None
        self._watchers = [gevent.signal_handler(number, self._caught, number) for number in STOP_SIGNALS]

    def close(self) -> None:
        """Give the signals back; idempotent."""
        for watcher in self._watchers:
            watcher.cancel()
        self._watchers = []

    def _caught(self, number: signal.Signals) -> None:
        if self._reason is None:
            self._reason = number.name
            log.info("stopping: %s", number.name)
            self._stop(number.name)
        elif number is signal.SIGINT:
            log.warning("stopping at once: a second %s", number.name)
            os._exit(128 + number)


def show_stacks_on_abort() -> None:
    """Let SIGABRT (a missed watchdog) and crashes print the stack of every thread on stderr."""
    faulthandler.enable()


def leave_by(deadline_s: float, status: int) -> None:
    """End the process after `deadline_s` whatever still hangs; a native thread, so a stuck hub cannot prevent it."""

    def leave() -> None:
        log.error("the orderly stop took longer than %.1f s; leaving", deadline_s)
        os._exit(status)

    timer = threading.Timer(deadline_s, leave)
    timer.daemon = True
    timer.start()

"""The watchdog: fed by real progress only.

It is fed from the hub, so a hub that stands still feeds nothing; and only while every other sign of life (the media
thread, the sound card, the pins) is fresh too. systemd then ends the process with SIGABRT, which leaves the stack of
every thread in the journal, and starts it again.
"""

from __future__ import annotations

import logging

from agent.hub_clock import sleep_to_round
from agent.log import FailureLog
from agent.service.notifier import Notifier
from agent.supervision.heartbeat import Heartbeat, Vitals

log = logging.getLogger(__name__)

AGAIN_S = 0.25


class Watchdog:
    """Feeds systemd's watchdog while all of `vitals` are fresh; `run` is a child for the supervisor."""

    def __init__(self, notifier: Notifier, vitals: Vitals, timeout_s: float) -> None:
        self._notifier = notifier
        self._vitals = vitals
        self._interval_s = timeout_s / 3
        self._failures = FailureLog(log, "the watchdog's check of progress")

    def run(self, heartbeat: Heartbeat) -> None:
        """Check and feed for ever, three times per timeout.

        What stood still is looked at again soon: after a pause of the whole process, as by a slow disk, everything
        seems to, and little time is left to prove the contrary.
        """
        while True:
            pause_s = self._interval_s if self.check() else min(AGAIN_S, self._interval_s)
            heartbeat.beat()
            sleep_to_round(pause_s)

    def check(self) -> bool:
        """Feed once if everything made progress; whether it did."""
        stalled = self._vitals.stalled()
        if stalled:
            self._failures.failed("no progress of " + ", ".join(stalled))
            return False
        self._failures.recovered()
        self._notifier.watchdog()
        return True

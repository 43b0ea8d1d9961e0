"""Runs the box as a service: what keeps it from running is shown and tried again, and mends itself when it is mended.

Nobody stands beside the box, and nobody starts it again: settings that are wrong or missing, a key file, a certificate
or pins that may not be used, and a program that ends again and again, leave a box that says so with its lights.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic

import gevent
from gevent.event import Event

from agent.config import Config
from agent.config.remembered_outputs import remember_outputs
from agent.config.settings_file import SettingsFile
from agent.errors import AgentError, ConfigError
from agent.kiosk.kiosk import Kiosk
from agent.kiosk.out_of_order import OutOfOrder
from agent.service.notifier import Notifier
from agent.service.starts import StartRecord
from agent.service.stopping import StopSignals
from hw.errors import HardwareError, PinError

log = logging.getLogger(__name__)

FIRST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 60.0
LOOK_S = 0.5
STEADY_S = 900.0  # a box that ran so long is in no loop, whatever ends it then

Begin = Callable[[Kiosk], int]


class Unattended:
    """One service; `begin(kiosk)` runs a box until it ends and returns the exit status."""

    def __init__(
        self, settings: SettingsFile, begin: Begin, configured: Callable[[Config], object] = lambda config: None
    ) -> None:
        """`configured(config)` is told the settings of each attempt."""
        self._settings = settings
        self._begin = begin
        self._configured = configured
        self._starts = StartRecord()
        self._notifier = Notifier()
        runtime = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
        self._remembered = Path(runtime) / "outputs.toml" if runtime else None
        self._out_of_order = OutOfOrder(settings.path, self._notifier, self._remembered, lambda: self._news.set())
        self._news = Event()
        self._ended = False
        self._told = ""

    def run(self) -> int:
        """Run the box; the exit status. Ends by a signal, or with the box."""
        kiosk = self._ready_to_begin()
        if kiosk is None:
            self._starts.forget()
            return 0
        self._notifier.close()
        steady = gevent.spawn_later(STEADY_S, self._starts.forget)
        try:
            status = self._begin(kiosk)
        finally:
            steady.kill()
        if status <= 0:
            self._starts.forget()
        return status

    def _ready_to_begin(self) -> Kiosk | None:
        """Try until the box can be made; None when a signal ends that."""
        signals = StopSignals(self._stop, on_hangup=self._news.set)
        try:
            loop_s = self._starts.note(monotonic())
            looping = f"the program ended again and again; the next try is in {loop_s:g} s, or when a file changes"
            if loop_s and not self._wait("program", looping, loop_s):
                return None
            return self._try()
        finally:
            self._out_of_order.close()
            signals.close()

    def _try(self) -> Kiosk | None:
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                return self._make()
            except (AgentError, HardwareError) as error:
                if not self._wait(_part(error), str(error), pause_s):
                    return None
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _make(self) -> Kiosk:
        config = self._settings.load()
        self._configured(config)
        self._out_of_order.close()
        kiosk = Kiosk(config)
        if self._told:
            log.info("the box can run again")
        if self._remembered is not None:
            with suppress(OSError):
                remember_outputs(config, self._remembered)
        return kiosk

    def _stop(self, _reason: str) -> None:
        self._ended = True
        self._news.set()

    def _wait(self, part: str, why: str, pause_s: float) -> bool:
        """Show what is wrong for `pause_s`, or until a file changes; False when a signal ended it."""
        log.log(logging.DEBUG if why == self._told else logging.ERROR, "the box cannot run: %s", why)
        self._told = why
        self._news.clear()
        before, until = self._settings.stamps(), monotonic() + pause_s
        self._out_of_order.show(part, why)
        while not self._news.is_set() and monotonic() < until:
            self._notifier.watchdog()
            self._news.wait(LOOK_S)
            if self._settings.stamps() != before:
                gevent.sleep(LOOK_S)  # whoever writes one file may be about to write another
                self._starts.forget()
                break
        return not self._ended


def _part(error: Exception) -> str:
    return "settings" if isinstance(error, ConfigError) else "pins" if isinstance(error, PinError) else "program"

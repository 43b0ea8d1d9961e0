"""What a box shows that cannot run: the error pattern on each light that can be had, and why, to whoever asks."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from agent.closing import Closing
from agent.config.part import control_socket_of
from agent.config.remembered_outputs import outputs_or_remembered
from agent.errors import AgentError, ConfigError
from agent.kiosk.box_state import Situation
from agent.log import excerpt
from agent.program import VERSION
from agent.service.control import ControlServer
from agent.service.control_path import socket_path
from agent.service.notifier import Notifier
from hw.errors import HardwareError, PinError
from hw.panel.lights import Lights
from hw.panel.pins import Pins, open_factory

log = logging.getLogger(__name__)

IN_WORDS = "out of order"  # systemd/releases.sh looks for it
MOST_WORDS = 900  # of a reason: settings may have many problems


class OutOfOrder(Closing):
    """Holds lights and control socket between two attempts to run; `close` gives them up for the next attempt."""

    def __init__(self, settings: Path, notifier: Notifier, remembered: Path | None = None,
                 reload: Callable[[], Any] = lambda: None) -> None:  # fmt: skip
        """`reload()` is what the command of that name does here."""
        self._settings = settings
        self._remembered = remembered
        self._notifier = notifier
        self._reload = reload
        self._situation = Situation()
        self._began_s = time.monotonic()
        self._at_ms = 0
        self._pins: Pins | None = None
        self._lights: dict[str, Lights] = {}
        self._control: ControlServer | None = None

    def show(self, part: str, why: str) -> None:
        """Show that something is wrong, and say what."""
        why = excerpt(" / ".join(why.splitlines()), MOST_WORDS)
        self._situation = Situation(booting=False).with_trouble(part, why)
        self._at_ms = round(time.time() * 1000)
        self._open_lights()
        self._open_control()
        for lights in self._lights.values():
            lights.show(self._situation.light_states())
        self._notifier.ready(f"{IN_WORDS}; {why}")

    def status(self) -> dict[str, Any]:
        """Collect what `kiosk-agent status` prints of a box, ready for JSON."""
        troubles = dict(self._situation.troubles)
        last = {"part": [*troubles][-1], "why": [*troubles.values()][-1], "at_ms": self._at_ms} if troubles else None
        shown = {name: light for lights in self._lights.values() for name, light in lights.describe().items()}
        return {
            "identity": "(out of order)", "version": VERSION, "up_s": round(time.monotonic() - self._began_s),
            "states": sorted(self._situation.light_states()), "troubles": troubles,
            "service": {"ready": False, "reason": ""}, "edge": None, "volume_percent": 0,
            "sound": {"state": "closed", "reason": ""}, "door": None, "buttons": [], "lights": shown, "call": None,
            "recent_calls": [], "last_call": None, "last_error": last, "page": {"url": "", "key_file": ""},
            "parts": {},
        }  # fmt: skip

    def close(self) -> None:
        """Let pins and socket go; idempotent."""
        control, self._control = self._control, None
        if control is not None:
            control.close()
        for lights in self._lights.values():
            lights.close()
        self._lights = {}
        pins, self._pins = self._pins, None
        if pins is not None:
            pins.close()

    def _open_lights(self) -> None:
        """Take each light by itself: one that cannot be had leaves the others."""
        outputs = outputs_or_remembered(self._settings, self._remembered)
        try:
            self._pins = self._pins or open_factory(outputs.pins, outputs.chip)
        except HardwareError as error:
            log.debug("no light can be lit: %s", error)
            return
        for name, light in outputs.lights.items():
            if name not in self._lights:
                with suppress(PinError):
                    self._lights[name] = Lights({name: light}, self._pins)

    def _open_control(self) -> None:
        if self._control is not None:
            return
        control = ControlServer(socket_path(self._socket()), {"status": self.status, "reload": self._reload})
        try:
            control.start()
        except AgentError as error:
            log.debug("nobody can ask what is wrong: %s", error)
        else:
            self._control = control

    def _socket(self) -> str:
        try:
            return control_socket_of(self._settings)
        except ConfigError:
            return ""

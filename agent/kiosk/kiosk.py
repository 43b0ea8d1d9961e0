"""The composition root: one box, wired. Outputs come up first, inputs last, and they go down the other way round."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from gevent.event import Event

from agent.config import Config
from agent.control import ControlServer, socket_path
from agent.events import Emitter
from agent.heartbeat import Vitals
from agent.kiosk.attendant import Attendant
from agent.kiosk.box import KioskBox
from agent.kiosk.doorway import Doorway
from agent.kiosk.panel import Panel
from agent.kiosk.registrar import Registrar
from agent.kiosk.situation import Situation
from agent.kiosk.volume import Volume
from agent.media.loop import close_shared_bridge, shared_bridge
from agent.notifier import Notifier, watchdog_timeout_s
from agent.page.server import Page
from agent.service import Watchdog
from agent.supervisor import Supervisor
from agent.voice.device import Device
from hw.actions import Action
from hw.pins import open_factory
from hw.ports import Sound, SoundState

log = logging.getLogger(__name__)

STALL_LIMIT_S = 10.0
FAREWELL_S = 0.5  # for the hang-up to leave


class Kiosk(Emitter):
    """One box. Event `moment`(name, detail): what happened, for a timeline."""

    def __init__(self, config: Config, sound: Sound | None = None) -> None:
        """`sound` replaces the device that `[sound]` names. Raises PinError when a pin cannot be had."""
        super().__init__()
        self.config = config
        self.bridge = shared_bridge()
        self.pins = open_factory(config.box.pins, config.box.chip)
        self.sound = sound or open_sound(config)
        self.device = Device()
        self.doorway = Doorway(config.door, self.pins, self.bridge.post)
        self.volume = Volume(config.sound.volume_percent, config.sound.volume_step_percent, self._set_gain)
        self.attendant = Attendant(self.device, config.answering, self._box_actions())
        self.panel = Panel(self.pins, config.buttons, config.lights, self.bridge.post, self.attendant.act)
        self.box = KioskBox(config.box.identity, self.attendant, self.panel, self.doorway, self.sound, self.volume)
        self.registrar = Registrar(config, self.device, self.sound)
        self.supervisor = Supervisor(config.service.restart_limits)
        self.notifier = Notifier()
        self.vitals = Vitals()
        self.page: Page | None = None
        self.control = ControlServer(socket_path(config.service.control_socket), self._commands())
        self._stopped = Event()
        self._listen()

    # --- life ---

    def start(self) -> None:
        """Bring everything up; returns when the buttons work. A missing card or network is shown, not raised."""
        self.panel.lights.show(self.attendant.situation.light_states())
        self.sound.start()
        self.control.start()
        self._start_page()
        self._add_parts()
        self.supervisor.start()
        self.panel.start()
        self.notifier.ready(self._in_words(self.attendant.situation))

    def wait(self) -> None:
        """Block until `stop`; raises RestartLimitError when a part cannot be kept alive."""
        self.supervisor.wait()

    def stop(self) -> None:
        """Hang up, release pins and sound, end every part; idempotent, at most `stop_within_ms`."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        self.notifier.stopping()
        within_s = self.config.service.stop_within_ms / 1000
        for step in (self._end_calls, self.control.close, self._close_page, self.doorway.close, self.panel.close):
            self._attempt(step)
        self._attempt(lambda: self.supervisor.stop(within_s / 2))
        for step in (self.sound.close, self.pins.close, close_shared_bridge, self.notifier.close):
            self._attempt(step)

    def _end_calls(self) -> None:
        stream = self.device.stream
        self.device.destroy()
        if stream is not None:
            stream.join(FAREWELL_S)

    def _start_page(self) -> None:
        if not self.config.page.enabled:
            return
        page = Page(self.config.page, self.box)
        try:
            page.start()
        except OSError as error:
            listen = self.config.page.listen
            log.warning("the page cannot be served at %s: %s; choose another [page] listen", listen, error)
            return
        self.page = page

    def _close_page(self) -> None:
        if self.page is not None:
            self.page.close()

    def _add_parts(self) -> None:
        stall_s = self.config.service.stall_ms / 1000
        self.supervisor.child("registration", self.registrar.run)
        self.supervisor.organ("pins", self.panel.progress_s, stall_s, self.panel.restart)
        self.vitals.add("pins", self.panel.progress_s, STALL_LIMIT_S)
        self.vitals.add("media", self.bridge.progress_s, STALL_LIMIT_S)
        self.vitals.add("sound", self.sound.progress_s, 3 * STALL_LIMIT_S)
        timeout_s = watchdog_timeout_s()
        if timeout_s is not None:
            self.supervisor.child("watchdog", Watchdog(self.notifier, self.vitals, timeout_s).run)

    @staticmethod
    def _attempt(step: Callable[[], Any]) -> None:
        try:
            step()
        except Exception:
            log.exception("a step of the orderly stop failed")

    # --- wiring ---

    def _listen(self) -> None:
        self.attendant.on("situation", self._on_situation)
        self.attendant.on("moment", lambda name, detail: self.emit("moment", name, detail))
        self.attendant.on("digit", lambda _connection, digit: self.doorway.digit(digit))
        self.device.on("connect", lambda _connection: self.doorway.call_began())
        self.doorway.on("open", lambda: self._on_door(True))
        self.doorway.on("closed", lambda: self._on_door(False))
        self.sound.on_state = lambda state, why: self.bridge.post(self._on_sound, state, why)

    def _on_situation(self, situation: Situation) -> None:
        self.panel.lights.show(situation.light_states())
        self.notifier.status(self._in_words(situation))
        self.control.publish("situation", sorted(situation.light_states()))

    def _on_door(self, is_open: bool) -> None:
        self.emit("moment", "door open" if is_open else "door closed", "")
        self.attendant.note(door_open=is_open)

    def _on_sound(self, state: SoundState, why: str) -> None:
        self.box.sound_reason = why
        self.emit("moment", "sound " + state.value, why)
        self.attendant.note(sound_ok=state in (SoundState.OPEN, SoundState.OPENING))

    def _set_gain(self, gain: float) -> None:
        set_gain = getattr(self.sound, "set_gain", None)
        if set_gain is not None:
            set_gain(gain)

    def _box_actions(self) -> dict[str, Callable[[Action], None]]:
        return {
            "door": lambda _: self.doorway.open("a button was pressed"),
            "volume_up": lambda _: self.volume.up(),
            "volume_down": lambda _: self.volume.down(),
        }

    def _commands(self) -> dict[str, Callable[..., Any]]:
        return {
            "press": lambda button, hold_s=0.1: self.box.press(button, float(hold_s)),
            "status": lambda: {**self.box.status(), "parts": self.supervisor.status()},
            "door": lambda: self.doorway.open("asked for on the control socket"),
        }

    @staticmethod
    def _in_words(situation: Situation) -> str:
        return ", ".join(sorted(situation.light_states())).replace("_", " ")


def open_sound(config: Config) -> Sound:
    """The sound device that `[sound]` names; it is not started."""
    from hw.virtual import WavSound

    settings = config.sound
    if settings.driver == "alsa":
        from hw.sound import AlsaSound

        return AlsaSound(settings)
    if settings.driver == "wav":
        return WavSound(settings.wav_capture or None, settings.wav_playback or None, loop=settings.wav_loop)
    return WavSound()

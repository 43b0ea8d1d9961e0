"""The composition root: one box, wired. Outputs come up first, inputs last, and they go down the other way round."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gevent.event import Event

from agent.config import Config
from agent.errors import AlreadyRunningError, ControlError
from agent.events import Emitter
from agent.files import state_folder
from agent.kiosk.answering import bare_name, sip_name
from agent.kiosk.attendant import Attendant
from agent.kiosk.box_events import Noticeboard
from agent.kiosk.box_journal import Journal
from agent.kiosk.box_sound import BoxSound, open_sound
from agent.kiosk.box_state import Situation
from agent.kiosk.button_actions import Actions
from agent.kiosk.call_sounds import CallSounds, ProgressTones
from agent.kiosk.door import Doorway
from agent.kiosk.door_memory import DoorMemory
from agent.kiosk.faults import FaultLight
from agent.kiosk.house import open_house
from agent.kiosk.kiosk_box import KioskBox
from agent.kiosk.lines import Lines
from agent.kiosk.media import MediaThread
from agent.kiosk.name_watch import NameWatch, service_hosts
from agent.kiosk.organs import FOR_EVER, join_parts
from agent.kiosk.page import KEY_NAME, PageHost
from agent.kiosk.panel import Panel
from agent.kiosk.reachability import Reachability
from agent.kiosk.registration import Registrar
from agent.kiosk.sound_watch import STALL_S, SoundWatch
from agent.kiosk.speaker_volume import SpeakerVolume
from agent.kiosk.upkeep import Upkeep
from agent.mailbox import Mailbox
from agent.media.native import core as native
from agent.service.control import ControlServer
from agent.service.control_path import socket_path
from agent.service.notifier import Notifier, watchdog_timeout_s
from agent.service.watchdog import Watchdog
from agent.supervision.growth import Growth
from agent.supervision.heartbeat import Vitals
from agent.supervision.supervisor import Supervisor
from agent.voice.device import Device
from hw.panel.door_code import CodeVerdict
from hw.panel.pins import open_factory
from hw.sound import tones
from hw.sound.interface import SoundState

log = logging.getLogger(__name__)

FAREWELL_S = 0.5  # for the hang-up to leave
CODE_TONES = {CodeVerdict.OPEN: tones.granted, CodeVerdict.WRONG: tones.refused, CodeVerdict.LOCKED: tones.barred}


def talks(config: Config) -> bool:
    """Tell whether a button opens the microphone, so that calls begin muted."""
    return any(one.talks for one in config.buttons.values())


def _names(config: Config) -> tuple[str, Callable[[str], str]]:
    """Tell who we are to callers, and what writes names of callers and of whom is dialled in one way."""
    if not config.signaling.is_sip:
        return config.box.identity, bare_name
    return config.sip.user or config.box.identity, sip_name(config.sip.domain)


class Kiosk(Emitter):
    """One box. Event `moment`(name, detail): what happened, for a timeline."""

    def __init__(self, config: Config, sound: BoxSound | None = None) -> None:
        """`sound` replaces the device that `[sound]` names.

        Raises InvalidArgumentError when `[token]` names no source, PinError when a pin cannot be had.
        """
        super().__init__()
        self.config = config
        self.mailbox = Mailbox()
        self.device = Device()
        self.sound = sound or open_sound(config.sound)
        self.volume = SpeakerVolume(config.sound, self.sound, lambda: self.box.changed(),
                                    lambda why: self.board.trouble("volume", why))  # fmt: skip
        self.board = Noticeboard(Situation(do_not_disturb=config.answering.do_not_disturb))
        self._progress = ProgressTones(self.sound.mixer, config.sound.tone_country)
        sounds = CallSounds(self.device, self._progress)
        self._wire_calls(config, sounds)
        self.media = MediaThread()
        self.pins = open_factory(config.box.pins, config.box.chip)
        try:
            self._wire_panel(config, sounds)
        except BaseException:  # whoever makes another box wants these pins
            self.pins.close()
            self.mailbox.close()
            raise
        self._wire_ways_in(config)
        self._wire_care(config)
        self._journal = Journal()
        self.comes_back = False  #: whether this process begins anew after `stop`, which is no end of the service
        self._stopping = False
        self._stopped = Event()
        self._listen()
        self.house = open_house(config, self, self.mailbox.post, self.board.trouble)

    def _wire_calls(self, config: Config, sounds: CallSounds) -> None:
        self.lines = Lines(self.device, config.answering, sounds, self.board, push_to_talk=talks(config))
        ourselves, name = _names(config)
        self.attendant = Attendant(self.lines, ourselves, config.answering, sounds, self.board, name,
                                   config.directory)  # fmt: skip
        Reachability(self.device, self.board)
        self.registrar = Registrar(config, self.device, self.sound, self.volume.before_ringing, self.board.trouble)

    def _wire_panel(self, config: Config, sounds: CallSounds) -> None:
        memory = DoorMemory(Path(config.service.state_dir or state_folder()))
        self.doorway = Doorway(config, self.pins, self.mailbox.post, memory)
        actions = Actions(self.attendant, self.doorway, self.volume, self.board, sounds)
        self.digits = actions.digits
        self.digits.use(config.directory, config.keypad)
        self.panel = Panel(self.pins, config.buttons, config.lights, self.mailbox.post, actions.perform)
        self.panel.entries = config.directory

    def _wire_ways_in(self, config: Config) -> None:
        """Make what others ask the box by: the control socket and the page."""
        self.upkeep = Upkeep(lambda: self.config, self.sound, self.lines, self.board)
        self.box = KioskBox(config.box.identity, self.board, self.attendant, self.panel, self.doorway, self.sound,
                            self.volume, self.upkeep)  # fmt: skip
        self.control = ControlServer(socket_path(config.service.control_socket), self._commands())
        self.page = PageHost(config.page, self.box, lambda why: self.board.trouble("page", why),
                             self.control.beside(KEY_NAME) if self.doorway.exists else None, config.api)  # fmt: skip

    def _wire_care(self, config: Config) -> None:
        """Make what looks after the parts, and tells systemd and the panel of them."""
        self.supervisor = Supervisor(
            config.service.restart_limits, trouble=lambda name, why: self.board.trouble(f"part {name}", why)
        )
        self.notifier = Notifier()
        self.vitals = Vitals()
        self.sound_watch = SoundWatch(self.sound, config.sound, self.board)
        self.name_watch = NameWatch(service_hosts(config), self.board, self.registrar.names_are_back)
        self._growth = Growth(lambda: self.is_idle, lambda why: self.board.trouble("growth", why), self.supervisor.end)
        self.faults = FaultLight(self.mailbox.post, lambda why: self.board.trouble("program", why))

    # --- life ---

    def start(self) -> None:
        """Bring everything up; returns when the buttons work. A missing card or network is shown, not raised."""
        self.panel.lights.show(self.board.situation.light_states())
        self.faults.open()
        try:
            self.control.start()
        except AlreadyRunningError:
            raise
        except ControlError:
            pass  # calls need no control socket: it is told, and tried again, as a part
        self.sound.start()
        self._progress.prepare()
        self._add_parts()
        self.supervisor.start()
        self.panel.start()
        self.notifier.ready(self._in_words(self.board.situation))

    @property
    def is_idle(self) -> bool:
        """Whether nothing is going on that a restart would cut off."""
        return not (self.lines.is_on or self.lines.waiting.lines or self.doorway.is_open)

    def wait(self) -> None:
        """Block until `stop`; raises RestartLimitError when a part cannot be kept alive."""
        self.supervisor.wait()

    def stop(self) -> None:
        """Hang up, release pins and sound, end every part; idempotent, at most `stop_within_ms`."""
        if self._stopping:
            self._stopped.wait()
            return
        self._stopping = True
        if not self.comes_back:
            self.notifier.stopping()
        within_s = self.config.service.stop_within_ms / 1000
        for step in (self._end_calls, self.control.close, self.doorway.close, self.panel.close,
                     self.house.close, self.upkeep.close):  # fmt: skip
            self._attempt(step)
        self._attempt(lambda: self.supervisor.stop(within_s / 2))
        self._attempt(self.faults.close)
        for step in (self.sound.close, self.pins.close, self.media.close, self.notifier.close, self.mailbox.close):
            self._attempt(step)
        self._stopped.set()

    def _end_calls(self) -> None:
        self.digits.close()
        self.registrar.close()
        stream = self.device.stream
        if self.device.is_initialized:
            self.device.destroy()
        if stream is not None:
            stream.join(FAREWELL_S)

    def _add_parts(self) -> None:
        stall_s = self.config.service.stall_ms / 1000
        join_parts(self, self.supervisor, stall_s)
        # What the supervisor mends is late for the watchdog only when mending does not help.
        self.vitals.add("supervisor", self.supervisor.progress_s, 2 * stall_s)
        self.vitals.add("pins", self.panel.progress_s, 2 * stall_s)
        self.vitals.add("media", self.media.progress_s, 2 * stall_s)
        self.vitals.add("sound", self.sound.progress_s, STALL_S)
        timeout_s = watchdog_timeout_s()
        if timeout_s is not None:  # somebody starts a process that ends
            self.supervisor.child("watchdog", Watchdog(self.notifier, self.vitals, timeout_s).run)
            self.supervisor.child("growth", self._growth.run, stall_s=STALL_S, limits=FOR_EVER)

    def replace_media(self) -> None:
        """Put another thread in the place of one that stands still; its calls end, and the far ends are told."""
        self.lines.end_all()
        self.media.replace()

    @staticmethod
    def _attempt(step: Callable[[], Any]) -> None:
        try:
            step()
        except Exception:
            log.exception("a step of the orderly stop failed")

    # --- wiring ---

    def _listen(self) -> None:
        self.board.on("situation", self._on_situation)
        self.board.on("moment", self._on_moment)
        self.lines.on("digit", self.doorway.digit)
        self.doorway.on("open", lambda name, why: self._on_door("door open", ": ".join(filter(None, (name, why)))))
        self.doorway.on("closed", lambda name: self._on_door("door closed", name))
        self.doorway.on("code", self._on_code)
        self.doorway.on("useless code", lambda: self.lines.signal_far_end(tones.refused()))
        self.doorway.on("fault", self._on_door_fault)
        self.panel.on_stuck = self._on_stuck
        self.panel.lights.on_fault = self._on_light_fault
        self.panel.on_cut_ahead = lambda: self.lines.signal_both(tones.soon_over())
        self.sound.on_state = lambda state, why: self.mailbox.post(self._on_sound, state, why)

    def _on_situation(self, situation: Situation) -> None:
        self.panel.lights.show(situation.light_states())
        self.notifier.status(self._in_words(situation))
        self.control.publish("situation", sorted(situation.light_states()))

    def _on_moment(self, name: str, detail: object) -> None:
        self._journal.note(name, detail)
        self.emit("moment", name, detail)
        self.control.publish("moment", [name, detail])

    def _on_door(self, moment: str, detail: str) -> None:
        self.board.tell(moment, detail)
        self.board.show(door_open=self.doorway.is_open)  # it is told from two threads, and may be told late

    def _on_code(self, verdict: CodeVerdict) -> None:
        self.lines.signal_far_end(CODE_TONES[verdict]())
        if verdict is not CodeVerdict.OPEN:
            self.board.tell("door code", verdict.value)

    def _on_door_fault(self, name: str, why: str) -> None:
        door = f"door {name}" if name else "door"
        self.board.trouble(door, f"the {door} was not released: {why}" if why else "")

    def _on_stuck(self, button: str, stuck: bool) -> None:
        why = f"button {button} has been down for very long; is it stuck, or its cable shorted?"
        self.board.trouble(f"button {button}", why if stuck else "")
        if stuck and self.config.buttons[button].talks:
            self.lines.signal_both(tones.barred())

    def _on_light_fault(self, light: str, why: str) -> None:
        self.board.trouble(f"light {light}", f"light {light} cannot be lit: {why}" if why else "")

    def _on_sound(self, state: SoundState, why: str) -> None:
        self.box.sound_reason = why
        self.board.tell("sound " + state.value, why)
        self.sound_watch.look()
        if state is not SoundState.CLOSED:
            self.volume.card_opened()

    def _commands(self) -> dict[str, Callable[..., Any]]:
        return {
            "press": lambda button, hold_s=0.1: self.box.press(button, float(hold_s)),
            "status": self._status,
            "door": lambda name="": self.doorway.open("control socket", name=name),
        }

    def _status(self) -> dict[str, Any]:
        return {**self.box.status(), "page": self.page.describe(), "parts": self.supervisor.status(),
                "packets": native.described()}

    @staticmethod
    def _in_words(situation: Situation) -> str:
        words = [name.replace("_", " ") for name in sorted(situation.light_states())]
        return "; ".join([", ".join(words), *situation.troubles.values()])

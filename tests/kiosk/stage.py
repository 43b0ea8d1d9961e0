"""A box, a switchboard and other phones in one process: real signaling, real media, virtual pins, no sound card."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import gevent
import numpy as np
from gevent.event import Event

from agent import Device
from agent.config import Config, DoorSection
from agent.demo.scene import LIGHTS
from agent.kiosk.kiosk import Kiosk
from agent.kiosk.registration import device_options
from agent.mailbox import Mailbox
from agent.media.bridge import Bridge
from agent.signaling.token.token_source import TokenSettings
from agent.switchboard.runner import RunningSwitchboard, start_switchboard
from agent.switchboard.settings import SwitchboardSettings
from bench.rig.ports import unused_port
from hw.panel.settings import ButtonSettings
from hw.sound.frame import RATE_HZ
from hw.sound.interface import SoundState
from hw.sound.wav_sound import WavSound
from tests.kiosk.ear import Chord, Ear

PATIENCE_S = 30.0
PRESS_S = 0.06
BOX, VISITOR = "box", "visitor"
BOX_HZ, VISITOR_HZ = 1000, 600
BUSY_US_HZ = (480, 620)
UNREACHABLE_HZ = (950, 1400, 1800)
DOOR_PIN = 26

ACTIONS = {
    "accept": "accept", "reject": "reject", "ignore": "ignore", "hangup": "hang_up", "only": "answer_or_hang_up",
    "mute": "mute", "call": "call:visitor?room=lobby", "redial": "redial", "up": "volume_up", "down": "volume_down",
    "door": "door", "quiet": "do_not_disturb", "good": "feedback:5", "bad": "feedback:2?issue=echo",
}  # fmt: skip


def button(pin: int, **bound: str) -> ButtonSettings:
    """A button that is quick enough for tests."""
    return ButtonSettings(pin=pin, debounce_ms=5, **bound)


PINS = [pin for pin in range(2, 24) if pin != 12]  # the lights have 12, 24 and 25
BUTTONS = {name: button(pin, short=action) for pin, (name, action) in zip(PINS, ACTIONS.items(), strict=False)}


class Watcher:
    """Waits for conditions that are looked at again whenever something has happened."""

    def __init__(self) -> None:
        self._happened = Event()
        self.story: list[str] = []

    def tell(self, *words: object) -> None:
        """Something has happened."""
        if words:
            self.story.append(" ".join(map(str, words)).strip())
        self._happened.set()

    def until(self, condition: Callable[[], object], what: str, within_s: float = PATIENCE_S) -> None:
        """Let the hub run until the condition holds."""
        timeout = gevent.Timeout.start_new(within_s)
        try:
            while not condition():
                self._happened.wait()
                self._happened.clear()
        except gevent.Timeout:
            raise AssertionError(f"never {what}; what happened: {self.story}") from None
        finally:
            timeout.close()

    def until_told(self, what: str, times: int = 1) -> None:
        """Wait until this was told so many times."""
        self.until(lambda: sum(told.startswith(what) for told in self.story) >= times, what)


class Listener(Watcher):
    """A watcher with an ear."""

    ear: Ear

    def until_hears(self, *hz: float) -> None:
        """Wait until exactly these pitches are played."""
        self.until_hears_any(hz)

    def until_hears_any(self, *chords: Chord) -> None:
        """Wait until one of these is played, and nothing else."""
        self.until(self.ear.listen(*chords), f"heard {chords}")

    def until_quiet(self) -> None:
        """Wait until nothing is played."""
        self.until(lambda: self.ear.loudness() < 10, "quiet")


class FragileSound(WavSound):
    """A sound device that can be pulled out and put back."""

    _is_out = False

    def pull_out(self) -> None:
        self._is_out = True
        self._report(SoundState.LOST, "the card was pulled out")

    def put_back(self) -> None:
        self._is_out = False
        self._report(SoundState.OPEN, "the card is back")

    def _tick(self) -> None:
        if not self._is_out:
            super()._tick()


def tone(hz: int) -> bytes:
    """One second of a tone; 48 kHz mono int16."""
    return (6000 * np.sin(2 * np.pi * hz * np.arange(RATE_HZ) / RATE_HZ)).astype("<i2").tobytes()


class Site:
    """A switchboard that can be stopped and started again; it has a bridge of its own, as another program would."""

    def __init__(self, folder: Path, ring_timeout_s: float = 60) -> None:
        self.folder = folder
        self.mailbox = Mailbox()
        self._bridge = Bridge()
        self._settings = SwitchboardSettings(  # nobody else may have the port while it is stopped
            listen_port=unused_port(), state_dir=str(folder / "state"), ring_timeout_s=ring_timeout_s
        )
        self.switchboard: RunningSwitchboard = start_switchboard(self._bridge, self._settings)
        self._ends: list[Callable[[], None]] = []

    def stop(self) -> None:
        """Stop the switchboard."""
        self.switchboard.close()

    def start_again(self) -> None:
        """Start it on the same port with the same keys."""
        self.switchboard = start_switchboard(self._bridge, self._settings)

    def cut_socket(self, identity: str) -> None:
        """Lose an identity's signaling sockets without a farewell."""

        async def cut() -> None:
            for client in self.switchboard.switchboard.registry.of(identity):
                client.abort()

        self._bridge.run(cut())

    def tell(self, identity: str, message: str) -> None:
        """Let the switchboard send an identity a message without content."""

        async def tell() -> None:
            for client in self.switchboard.switchboard.registry.of(identity):
                client.tell(message, {})

        self._bridge.run(tell())

    def config(self, **sections: Any) -> Config:
        """Settings of a box at this site; `sections` replace whole sections."""
        config = Config()
        given: Mapping[str, Any] = {
            "box": replace(config.box, identity=BOX, pins="mock"),
            "signaling": replace(config.signaling, server=self.switchboard.address.server,
                                 ca_file=str(self.switchboard.ca_file), insights="off"),
            "token": TokenSettings(key_file=str(self.folder / "state" / "api_key.json")),
            "sound": replace(config.sound, volume_percent=100),
            "buttons": BUTTONS,
            "lights": LIGHTS,
            "door": DoorSection(pin=DOOR_PIN, open_ms=200, code="1234", tries=2),
            "page": replace(config.page, enabled=False),
            "service": replace(config.service, control_socket=str(self.folder / "run" / "control.sock"),
                               state_dir=str(self.folder / "state")),
        }  # fmt: skip
        return replace(config, **{**given, **sections})

    def box(self, config: Config | None = None, *, ready: bool = True, real_sound: bool = False,
            capture: bytes | None = None) -> Box:  # fmt: skip
        """A box that was started and, unless told otherwise, is registered; with the sound card of its settings.

        `capture` is what its microphone hears; a tone, if nothing is said.
        """
        box = Box(self.mailbox, config or self.config(), real_sound, capture)
        self._ends.append(box.close)
        box.kiosk.start()
        if ready:
            box.until_shows("ready")
        return box

    def phone(self, identity: str = VISITOR) -> Phone:
        """Another registered phone."""
        phone = Phone(self, identity)
        self._ends.append(phone.close)
        phone.until_told("ready")
        return phone

    def close(self) -> None:
        """End everything."""
        for end in reversed(self._ends):
            end()
        self.switchboard.close()
        self._bridge.close()


class Box(Listener):
    """The box, and somebody in front of it."""

    def __init__(self, mailbox: Mailbox, config: Config, real_sound: bool = False,
                 capture: bytes | None = None) -> None:  # fmt: skip
        super().__init__()
        self.ear = Ear(mailbox, self.tell)
        self.sound = FragileSound(tone(BOX_HZ) if capture is None else capture, self.ear, loop=True)
        self.kiosk = Kiosk(config, None if real_sound else self.sound)
        self.kiosk.on("moment", self.tell)
        self.kiosk.box.subscribe(self.tell)

    @property
    def states(self) -> set[str]:
        return set(self.status["states"])

    @property
    def status(self) -> dict[str, Any]:
        return self.kiosk.box.status()

    def press(self, name: str, hold_s: float = PRESS_S) -> None:
        """Press a button; a hold of 0 lets go of it."""
        self.kiosk.box.press(name, hold_s)

    def act(self, name: str) -> None:
        """Press a button and wait until the box acts on it."""
        before = sum(told.startswith("action") for told in self.story)
        self.press(name)
        self.until_told("action", before + 1)

    def until_shows(self, *states: str) -> None:
        """Wait until the box is in all these states."""
        self.until(lambda: set(states) <= self.states, f"showed {states} but {self.states}")

    def until_calm(self) -> None:
        """Wait until there is no call."""
        self.until(lambda: self.states == {"ready"}, "calm")

    @property
    def last_call(self) -> dict[str, Any]:
        return dict(self.status["recent_calls"][0])

    def close(self) -> None:
        self.kiosk.stop()


class Phone(Listener):
    """Somebody else's phone."""

    def __init__(self, site: Site, identity: str) -> None:
        super().__init__()
        self.ear = Ear(site.mailbox, self.tell)
        self.sound = WavSound(tone(VISITOR_HZ), self.ear, loop=True)
        self.sound.start()
        self.device = Device()
        self.calls: list[Any] = []
        for event in ("ready", "offline"):
            self.device.on(event, lambda _device, event=event: self.tell(event))
        self.device.on("incoming", self._on_incoming)
        options = {**device_options(site.config(), self.sound), "enable_ringing_state": True}
        self.device.setup(site.switchboard.mint(identity), **options)
        for name in ("incoming", "outgoing", "disconnect"):
            self.device.sounds.switch(name, False)

    @property
    def call(self) -> Any:
        """The latest call; waits for the first one, of which the box may show and sound sooner than it comes here."""
        self.until(lambda: self.calls, "called")
        return self.calls[-1]

    def dial(self, to: str = BOX, **params: str) -> None:
        """Call somebody."""
        self._follow(self.device.connect({"To": to, **params}))

    def answer_all(self) -> None:
        """Answer what rings, and what rings from now on: a call of which the end is on its way, and the next one."""
        self.device.on("incoming", lambda call: call.accept())
        for call in self.device.connections:
            call.accept()

    def close(self) -> None:
        self.device.destroy()
        self.sound.close()

    def _on_incoming(self, call: Any) -> None:
        self._follow(call)
        self.tell("incoming", call.parameters["From"])

    def _follow(self, call: Any) -> None:
        self.calls.append(call)
        for event in ("ringing", "accept", "cancel", "disconnect", "reconnecting", "reconnected"):
            call.on(event, lambda *_args, event=event: self.tell(event))
        call.on("error", lambda error: self.tell("error", error.code))

"""The scripted calls: of `demo --once`, ring, accept, talk both ways, cut, recover, talk again, hang up; then judge it.

That of `demo --quick` has one short sentence and no cut.

Nothing here is pretended: a real switchboard, real TLS, ICE, DTLS and SRTP, real speech. Only the pins are virtual,
and WAV files stand in the place of the sound card.
"""

from __future__ import annotations

import itertools
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gevent
from gevent.event import Event

from agent.closing import Closing
from agent.demo.scene import BOX, CALLER, Scene
from agent.demo.speech import Hearing, SpeechSamples, from_pcm, hearing, read, speak
from agent.demo.timeline import DemoTimeline
from agent.errors import CallFailedError
from agent.voice.connection import Connection
from agent.voice.device import Device
from hw.sound.wav_sound import WavSound

log = logging.getLogger(__name__)

STEP_WITHIN_S = 15.0
HEARD = "speech heard both ways (correlation at least"
SENTENCES = 3  # on a machine that is too busy for sound in time it is said again


@dataclass(frozen=True)
class Play:
    """What is said and done."""

    caller_says: str
    box_says: str
    talk_s: float  #: longer than either sentence
    blinks: int
    is_cut: bool  #: whether the path is cut in the call, which must come back


WHOLE = Play(
    caller_says="Good morning. I am standing at the front door, and I have a parcel for you.",
    box_says="Hello, and welcome. Please come in, the office is on the second floor.",
    talk_s=5.5,
    blinks=3,
    is_cut=True,
)
QUICK = Play(
    caller_says="Good morning, a parcel.", box_says="Hello, please come in.", talk_s=1.8, blinks=1, is_cut=False
)


class SpeechRecorder:
    """Collects what one side hears, in parts that can be judged one by one."""

    def __init__(self) -> None:
        self._frames: list[bytes] = []

    def __call__(self, frame: bytes) -> None:
        self._frames.append(frame)

    def begin(self) -> None:
        """Forget what was heard so far."""
        self._frames = []

    def heard(self) -> SpeechSamples:
        """Return what was heard since `begin`."""
        return from_pcm(b"".join(self._frames))


class Side:
    """One side of the call: what it says, what it hears."""

    def __init__(self, says: str, path: Path, voice: str) -> None:
        self.said = read(speak(says, path, voice))
        self.ear = SpeechRecorder()
        self.sound = WavSound(path, self.ear, loop=True)


class Script(Closing):
    """One run; `play` raises CallFailedError when a step does not happen or somebody was not heard."""

    def __init__(
        self, timeline: DemoTimeline, folder: Path, listen: tuple[str, int], state_dir: Path, play: Play = WHOLE
    ) -> None:
        self._timeline = timeline
        self._play = play
        self._caller_side = Side(play.caller_says, folder / "caller.wav", "en")
        self._box_side = Side(play.box_says, folder / "box.wav", "en+f3")
        self._happened: dict[tuple[str, str], Event] = {}
        self._scene = Scene(listen, state_dir, self._box_side.sound, str(folder / "control.sock"))
        self._scene.kiosk.on("moment", lambda name, detail: self._note(BOX, name, detail))
        self._stop_drawing = self._scene.draw_lights(timeline)

    def play(self) -> str:
        """Play the whole call; returns what is worth a last line. Raises CallFailedError."""
        scene, kiosk = self._scene, self._scene.kiosk
        self._note("switchboard", "listening", scene.switchboard.address.server)
        kiosk.start()
        caller = scene.caller(self._caller_side.sound, self._listen_to_device)
        self._caller_side.sound.start()
        self._await(BOX, "ready")
        self._await(CALLER, "ready")
        connection = self._ring(caller)
        self._accept(connection)
        told = self._talk_through_a_cut() if self._play.is_cut else f"{HEARD} {self._talk('at all'):.2f})"
        self._hang_up()
        return told

    def close(self) -> None:
        """End everything; idempotent."""
        self._stop_drawing()
        self._scene.close()
        self._caller_side.sound.close()

    # --- the steps ---

    def _ring(self, caller: Device) -> Connection:
        connection = caller.connect({"To": BOX})
        self._note(CALLER, "dials", BOX)
        self._listen_to_call(connection)
        self._await(BOX, "incoming")
        self._await_blinks("call")
        return connection

    def _accept(self, connection: Connection) -> None:
        self._note(BOX, "press accept")
        self._scene.kiosk.box.press("accept", 0.1)
        self._await(BOX, "accept")
        self._await(CALLER, "accept")
        log.debug("the call is %s", connection.parameters.get("CallSid"))

    def _talk_through_a_cut(self) -> str:
        before = self._talk("before the cut")
        outage_ms = self._cut_and_recover()
        after = self._talk("after the cut")
        return f"{HEARD} {min(before, after):.2f}), recovered in {outage_ms:.0f} ms"

    def _talk(self, when: str) -> float:
        """Let both speak until both were heard; returns the lower correlation."""
        for _ in range(SENTENCES):
            heard = self._listen()
            if all(one.ok for one in heard.values()):
                return min(one.correlation for one in heard.values())
        deaf = next(who for who, one in heard.items() if not one.ok)
        raise CallFailedError(f"{deaf} did not hear what was said {when}, {SENTENCES} times over")

    def _listen(self) -> dict[str, Hearing]:
        for side in (self._caller_side, self._box_side):
            side.ear.begin()
        self._wait_for(f"both speak, {self._play.talk_s:g} s")
        gevent.sleep(self._play.talk_s)
        heard = {
            BOX: self._judge(self._caller_side, self._box_side),
            CALLER: self._judge(self._box_side, self._caller_side),
        }
        for who, one in heard.items():
            self._note(who, "hears", f"{one.pieces} pieces, correlation {one.correlation:.2f}")
        return heard

    @staticmethod
    def _judge(speaker: Side, listener: Side) -> Hearing:
        judge = gevent.get_hub().threadpool.apply  # the call goes on meanwhile
        heard: Hearing = judge(lambda: hearing(speaker.said, listener.ear.heard()))
        return heard

    def _cut_and_recover(self) -> float:
        self._note("switchboard", "cuts the path", "to the box")
        self._scene.cut(BOX)
        self._wait_for("the box to notice, about 4 s")
        self._await(BOX, "reconnecting")
        self._await(BOX, "reconnected")
        cut_ms, back_ms = self._timeline.ms_of("switchboard", "cuts the path"), self._timeline.ms_of(BOX, "reconnected")
        return (back_ms or 0.0) - (cut_ms or 0.0)

    def _hang_up(self) -> None:
        self._note(BOX, "press hangup")
        self._scene.kiosk.box.press("hangup", 0.1)
        self._await(BOX, "disconnect")
        self._await(CALLER, "disconnect")

    # --- watching ---

    def _wait_for(self, what: str) -> None:
        self._timeline.note("...", "waits", what)

    def _await_blinks(self, light: str) -> None:
        """Watch the light go on and off as often as the play wants."""
        lit = [False]
        with gevent.Timeout(STEP_WITHIN_S, CallFailedError(f"the light {light!r} does not blink while it rings")):
            while sum(1 for one, other in itertools.pairwise(lit) if one and not other) < self._play.blinks:
                gevent.sleep(0.02)
                lit.append(self._scene.kiosk.panel.lights.snapshot()[light] > 0)
        self._note(BOX, "light blinks", light)

    def _listen_to_device(self, device: Device) -> None:
        device.on("ready", lambda _device: self._note(CALLER, "ready", ""))
        device.on("error", lambda error: self._note(CALLER, "error", str(error)))

    def _listen_to_call(self, connection: Connection) -> None:
        connection.on("ringing", lambda _early: self._note(CALLER, "ringing"))
        for event in ("accept", "disconnect", "reconnecting", "reconnected"):
            connection.on(event, lambda *_args, name=event: self._note(CALLER, name))

    def _note(self, who: str, what: str, detail: Any = "") -> None:
        if (who, what) == (CALLER, "ready") and self._happening(who, what).is_set():
            return  # the server confirms each renewed registration
        self._timeline.note(who, what, str(detail))
        self._happening(who, what).set()

    def _happening(self, who: str, what: str) -> Event:
        return self._happened.setdefault((who, what), Event())

    def _await(self, who: str, what: str) -> None:
        if not self._happening(who, what).wait(STEP_WITHIN_S):
            raise CallFailedError(f"{who}: {what!r} did not happen within {STEP_WITHIN_S:g} s")

"""The box as the page and the control socket see it (`agent.page.box.Box`)."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from agent.errors import InvalidStateError
from agent.kiosk.attendant import Attendant
from agent.kiosk.box_events import Noticeboard
from agent.kiosk.door import Doorway
from agent.kiosk.panel import Panel
from agent.kiosk.recent_moments import RecentMoments
from agent.kiosk.speaker_volume import MUTED, SpeakerVolume
from agent.kiosk.upkeep import Upkeep
from agent.log import FailureLog, excerpt, tidy
from agent.page.api_keys import Asker
from agent.program import VERSION
from hw.sound.interface import Sound

log = logging.getLogger(__name__)


class KioskBox:
    """Collects what the parts know; tells subscribers when anything of it changes."""

    def __init__(
        self,
        identity: str,
        board: Noticeboard,
        attendant: Attendant,
        panel: Panel,
        doorway: Doorway,
        sound: Sound,
        volume: SpeakerVolume,
        upkeep: Upkeep,
    ) -> None:
        self._identity = identity
        self._board = board
        self._attendant = attendant
        self._lines = lines = attendant.lines
        self._moments = RecentMoments()
        self._panel = panel
        self._doorway = doorway
        self._sound = sound
        self._volume = volume
        self._upkeep = upkeep
        self._began_s = time.monotonic()
        self._subscribers: list[Callable[[], None]] = []
        self._failures = FailureLog(log, "telling the page of a change")
        self.sound_reason = ""
        panel.lights.on_change = upkeep.on_change = self.changed
        board.on("moment", lambda moment, detail: self._moments.note(moment, detail, time.time()))
        for emitter, event in ((board, "situation"), (board, "moment"), (lines, "sample")):
            emitter.on(event, lambda *_: self.changed())

    def status(self) -> dict[str, Any]:
        """Collect everything there is to show, ready for JSON; what others wrote in it is printable."""
        lines = self._lines
        situation = self._board.situation
        call = lines.current or next(iter(lines.waiting.lines), None)
        shown: dict[str, Any] = tidy({
            "identity": self._identity,
            "version": VERSION,
            "up_s": round(time.monotonic() - self._began_s),
            "states": sorted(situation.light_states()),
            "troubles": dict(situation.troubles),
            "service": {"ready": situation.registered, "reason": situation.offline_reason},
            "edge": lines.device.edge,
            "volume_percent": self._volume.percent,
            "sound": {"state": self._sound.state.value, "reason": self._about_sound()},
            "door": {"open": self._doorway.is_open, "locked": self._doorway.locked} if self._doorway.exists else None,
            "doors": self._doorway.describe(),
            "buttons": self._panel.describe_buttons(),
            "lights": self._panel.lights.describe(),
            "call": call.describe() if call is not None else None,
            "recent_calls": (recent := lines.calls.as_json()),
            "last_call": recent[0] if recent else None,
            "last_error": self._last_error(),
        })  # fmt: skip
        return shown

    def _last_error(self) -> dict[str, Any] | None:
        past = self._board.last_trouble
        return {"part": past.part, "why": past.why, "at_ms": round(past.at_s * 1000)} if past else None

    def _about_sound(self) -> str:
        return MUTED if self._volume.muted else self.sound_reason

    def press(self, name: str, hold_s: float, by: str = "") -> None:
        """Press a button as a finger would, for one of OPENERS, or empty for who administers the box.

        Raises InvalidArgumentError when there is no such button, InvalidStateError where it opens a door that `by` may
        not open, because a button must not get around `opened_by`.
        """
        if by and any(not self._doorway.may_open(by, door) for door in self._panel.doors_of(name)):
            raise InvalidStateError(f"the button {excerpt(name)} opens a door, and its opened_by does not have {by!r}")
        self._panel.press(name, hold_s)

    def moments_since(self, last: int) -> list[dict[str, Any]]:
        """List the latest moments after the one with this `id`, the oldest first."""
        return self._moments.since(last)

    def call(self, to: str) -> None:
        """Place a call, whatever rings. Raises UsageError."""
        self._attendant.call(to)

    def answer(self) -> None:
        """Take the call that rings. Raises InvalidStateError when none does."""
        self._attendant.accept()

    def hang_up(self) -> None:
        """End the call that is on, or refuse what rings. Raises InvalidStateError without any."""
        self._attendant.hang_up()

    def set_do_not_disturb(self, on: bool) -> None:
        """Let calls in no longer, or again."""
        self._attendant.set_do_not_disturb(on)

    def open_door(self, name: str, asker: Asker) -> None:
        """Release a door for its time; InvalidStateError where there is none, or this may not open it."""
        self._doorway.open(asker.name, asker.by, name)

    def may_open(self, by: str, name: str) -> bool:
        """Tell whether this may open a door."""
        return self._doorway.may_open(by, name)

    def set_volume(self, percent: int) -> None:
        """Set the speaker's volume, 0 to 100."""
        self._volume.set(percent)

    def sound(self) -> dict[str, Any]:
        """Tell which sound devices there are, and which are used; blocks the greenlet while they are listed."""
        shown: dict[str, Any] = tidy(self._upkeep.sound.describe())
        return shown

    def play_tone(self) -> None:
        """Play the test tone and listen for it. Raises InvalidStateError in a call, and without a sound card."""
        self._upkeep.sound.play_tone()

    def settings(self) -> list[dict[str, Any]]:
        """Tell the settings as they are understood, without a secret."""
        return self._upkeep.settings()

    def doctor(self) -> dict[str, Any]:
        """Tell what the self-test has found, as far as it has come."""
        return self._upkeep.self_test.describe()

    def run_doctor(self) -> None:
        """Begin a self-test; raises InvalidStateError while one runs."""
        self._upkeep.self_test.begin()

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call `changed` whenever `status` would differ; the returned function ends that."""
        self._subscribers.append(changed)
        return lambda: self._subscribers.remove(changed) if changed in self._subscribers else None

    def changed(self) -> None:
        """Tell every subscriber."""
        for tell in list(self._subscribers):
            try:
                tell()
            except Exception as error:
                self._failures.failed(error)

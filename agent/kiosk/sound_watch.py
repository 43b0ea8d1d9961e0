"""Whether the box can hear and be heard: derived again and again from what the device does, not from its last word."""

from __future__ import annotations

import logging
from time import monotonic

from agent.hub_clock import sleep_to_round
from agent.kiosk.box_events import Noticeboard
from agent.supervision.heartbeat import Heartbeat
from hw.sound.interface import Sound, SoundState
from hw.sound.settings import SoundSettings

log = logging.getLogger(__name__)

LOOK_S = 2.0
MARGIN_S = 1.0
STALL_S = 30.0  # a card may be gone for ever, but the attempts to open it go on


class SoundWatch:
    """`run` is a child for the supervisor; `look` may be called at any time, on the hub."""

    def __init__(self, sound: Sound, settings: SoundSettings, board: Noticeboard) -> None:
        self._sound = sound
        self._board = board
        # What an attempt may take: the sound server's answer, a beginning, a first beat.
        self._opens_s = (settings.call_limit_ms + settings.start_grace_ms + settings.stall_ms) / 1000 + MARGIN_S
        self._opening_since: float | None = None
        self._why = ""

    def run(self, heartbeat: Heartbeat) -> None:
        """Look until it is killed."""
        while True:
            self.look()
            heartbeat.beat()
            sleep_to_round(LOOK_S)

    def look(self) -> None:
        """Tell whether there is sound, and what is wrong with its device; one that died is started again."""
        state, why = self._sound.state, self._fault()
        if why != self._why:
            self._why = why
            self._board.trouble("sound", why)
        self._board.show(sound_ok=state in (SoundState.OPEN, SoundState.OPENING) and not why)

    def _fault(self) -> str:
        state = self._sound.state
        if state is not SoundState.OPENING:
            self._opening_since = None
        elif self._opening_since is None:
            self._opening_since = monotonic()
        elif monotonic() - self._opening_since > self._opens_s:
            self._sound.start()
            return f"the sound card did not open within {self._opens_s:.0f} s; the log may say why"
        if state is not SoundState.CLOSED and self._sound.progress_s() > STALL_S:
            self._sound.start()
            return f"the sound device gave no sign of life for {STALL_S:.0f} s"
        return ""

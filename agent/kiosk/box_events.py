"""Where every part of the box says what it knows, and where lights, page and journal read it."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from agent.events import Emitter
from agent.kiosk.box_state import Situation


class PastTrouble(NamedTuple):
    """What needed the installer last, and since when; it may be over."""

    part: str
    why: str
    at_s: float  #: Unix seconds


class Noticeboard(Emitter):
    """Owner of the box's `Situation`.

    Events: `situation`(Situation) after each change, `moment`(name, detail) for a timeline of the box's life.
    """

    def __init__(self, situation: Situation) -> None:
        super().__init__()
        self.situation = situation
        self.last_trouble: PastTrouble | None = None

    def show(self, **facts: Any) -> None:
        """Change facts: sound_ok, door_open, ..."""
        self._become(self.situation.with_(**facts))

    def trouble(self, part: str, why: str) -> None:
        """Show what needs the installer; an empty `why` says that it does no longer."""
        if self.situation.troubles.get(part, "") != why:
            if why:
                self.last_trouble = PastTrouble(part, why, time.time())
            self.tell("trouble" if why else "trouble over", why or part)
        still_booting = self.situation.booting and not why
        self._become(self.situation.with_(booting=still_booting).with_trouble(part, why))

    def tell(self, moment: str, detail: object = "") -> None:
        """Tell what happened."""
        self.emit("moment", moment, detail)

    def _become(self, situation: Situation) -> None:
        if situation != self.situation:
            self.situation = situation
            self.emit("situation", situation)

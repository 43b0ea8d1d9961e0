"""The box as the house sees it (`agent.house.box.HouseBox`), and where moments become what the house is told."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

from agent.handlers import log_failure
from agent.house.happenings import (
    Circumstances,
    Happening,
    call_ended,
    door_closed,
    door_opened,
    happenings,
    quiet_changed,
)
from agent.kiosk.attendant import Attendant
from agent.kiosk.box_events import Noticeboard
from agent.kiosk.box_state import Situation
from agent.kiosk.call_log import CallRecord
from agent.kiosk.door import Doorway
from agent.kiosk.kiosk_box import KioskBox
from agent.kiosk.lines import Lines
from agent.kiosk.panel import Panel
from agent.kiosk.wish import Wish
from agent.supervision.supervisor import Supervisor

DOOR = "door"  # what the house calls that of [door], which has no name
MQTT = "mqtt"


class Inside(Protocol):
    """The parts of a box that the house asks, or hears from."""

    board: Noticeboard
    lines: Lines
    attendant: Attendant
    panel: Panel
    doorway: Doorway
    box: KioskBox
    supervisor: Supervisor


class KioskHouseBox:
    """Asks the parts of the box, on the hub."""

    def __init__(self, inside: Inside) -> None:
        self._inside = inside
        self._listeners: list[Callable[[Happening], None]] = []
        self._quiet = inside.board.situation.do_not_disturb
        self._rung = False  # the bell that is being acted on was told of already
        self._asking = False  # the house itself wants a call: nobody rings
        self._wish: Wish | None = None  # of the call out that was told of last
        inside.doorway.on("open", lambda name, why: self._tell(door_opened(_outward(name), why)))
        inside.doorway.on("closed", lambda name: self._tell(door_closed(_outward(name))))
        inside.board.on("moment", self._on_moment)
        inside.board.on("situation", self._on_situation)
        inside.lines.on("ended", self._on_ended)

    def status(self) -> dict[str, Any]:
        """Collect what the page shows."""
        return self._inside.box.status()

    def parts(self) -> Mapping[str, Mapping[str, Any]]:
        """Tell of each part whether it is up, and its restarts."""
        return self._inside.supervisor.status()

    def doors(self) -> Mapping[str, bool]:
        """Name the doors, and whether each is released."""
        return {_outward(name): is_open for name, is_open in self._inside.doorway.describe().items()}

    def openable(self) -> Collection[str]:
        """Name the doors that may be opened over MQTT."""
        doorway = self._inside.doorway
        return [_outward(name) for name in doorway.describe() if doorway.may_open(MQTT, name)]

    def press(self, name: str, hold_s: float) -> None:
        """Press a button as a finger would; raises InvalidArgumentError when there is no such button."""
        self._inside.box.press(name, hold_s, MQTT)

    def open_door(self, name: str, why: str) -> None:
        """Release a door for its time; `name` is one of `doors`."""
        known = {_outward(one): one for one in self._inside.doorway.describe()}
        self._inside.doorway.open(why, MQTT, known.get(name, name))

    def set_volume(self, percent: int) -> None:
        """Set the speaker's volume, 0 to 100."""
        self._inside.box.set_volume(percent)

    def set_do_not_disturb(self, on: bool) -> None:
        """Let calls in no longer, or again."""
        self._inside.attendant.set_do_not_disturb(on)

    def call(self, whom: str) -> None:
        """Place a call, or take the one that rings; raises UsageError when that is not possible."""
        self._asking = True
        try:
            self._inside.attendant.answer_or_call(whom)
        finally:
            self._asking = False

    def hang_up(self) -> None:
        """End the call that is on, or refuse what rings; raises InvalidStateError without any."""
        self._inside.attendant.hang_up()

    def listen(self, happened: Callable[[Happening], None], changed: Callable[[], None]) -> None:
        """Tell `happened` what happens, and call `changed` whenever `status` would differ."""
        self._listeners.append(happened)
        self._inside.box.subscribe(changed)

    def _on_moment(self, moment: str, detail: object) -> None:
        if moment == "action":
            self._rung = False
        if moment == "bell" and self._asking:
            return
        line, trouble = self._inside.lines.current, self._inside.board.last_trouble
        if moment == "dialling" and line is not None:
            if line.wish is self._wish is not None:
                return  # it was lost with its socket, and is placed again: one call for whoever wants it
            self._wish = line.wish
        around = Circumstances(
            button="" if self._rung else self._inside.panel.acting,
            direction=line.record.direction if line is not None else "",
            peer=line.record.peer if line is not None else "",
            answered_by=line.record.answered_by if line is not None else "",
            why_offline=self._inside.board.situation.offline_reason,
            part=trouble.part if trouble is not None else "",
        )
        for happening in happenings(moment, detail, around):
            self._tell(happening)
        self._rung = moment == "bell" or (self._rung and moment != "dialling")

    def _on_situation(self, situation: Situation) -> None:
        if situation.do_not_disturb != self._quiet:
            self._quiet = situation.do_not_disturb
            self._tell(quiet_changed(self._quiet))

    def _on_ended(self, record: CallRecord) -> None:
        self._tell(call_ended(record.as_json()))

    def _tell(self, happening: Happening) -> None:
        """Tell every listener; what one of them does wrong is no business of the call's."""
        for listener in self._listeners:
            try:
                listener(happening)
            except Exception as error:
                log_failure(f"telling the house of {happening.name}", listener, error)


def _outward(name: str) -> str:
    return name or DOOR

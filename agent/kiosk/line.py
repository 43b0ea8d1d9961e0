"""One call at this box: its connection, its record, and the timers that end with it."""

from __future__ import annotations

import time
from collections.abc import Callable
from time import monotonic
from typing import Any

from agent.clock import Timer
from agent.errors import VoiceError
from agent.hub_clock import HubClock
from agent.kiosk.call_log import CallRecord
from agent.kiosk.outcomes import INCOMING, UNANSWERED, outcome
from agent.kiosk.wish import Wish
from agent.signaling.sip.codes import CODE_BASE
from agent.voice.connection import Connection

NO_CONNECTION = 53001  # to the service
IMPATIENCE_S = 1.5  # so long a press may have been meant for what rang before


class Line:
    """What the attendant remembers of a call until its end."""

    def __init__(self, connection: Connection, record: CallRecord) -> None:
        self.connection = connection
        self.record = record
        self.error: VoiceError | None = None
        self.held = False  # by the far end
        self.crosses = False  # came from the one who was being dialled
        self.unasked = False  # the box takes it without a press
        self.ended_here = False  # somebody in front of the box ended it
        self.taken = False  # somebody here dialled it, or accepted it
        self.socket_lost = False  # the connection to the service, and what was not answered goes with it
        self.wish: Wish | None = None  # what it was dialled for
        self._shielded_until_s = 0.0
        self._last_event = ""  # in the place of the one that it ends with
        self._sample: dict[str, Any] = {}
        self._timers: list[Timer] = []
        connection.on("sample", self._on_sample)
        connection.on("error", self._on_error)

    @property
    def incoming(self) -> bool:
        """Whether somebody else made it."""
        return self.record.direction == INCOMING

    @property
    def pending(self) -> bool:
        """Whether nobody here has decided about it."""
        return self.connection.status() == "pending"

    @property
    def answered(self) -> bool:
        """Whether both sides could talk."""
        return self.record.answered_s is not None

    @property
    def shielded(self) -> bool:
        """Whether a finger may still be on its way to answer what is answered."""
        return monotonic() < self._shielded_until_s

    def shield(self) -> None:
        """Let no press that answers end this call for a moment."""
        self._shielded_until_s = monotonic() + IMPATIENCE_S

    def after(self, delay_s: float | None, act: Callable[[], Any]) -> None:
        """Do something later, unless the call moves on before; None is never."""
        if delay_s is not None:
            self._timers.append(HubClock().call_later(delay_s, act))

    def move_on(self) -> None:
        """Forget what was planned."""
        timers, self._timers = self._timers, []
        for timer in timers:
            timer.cancel()

    def answer(self) -> None:
        """Note that both sides talk from now on."""
        self.move_on()
        self.record.answered_s = time.time()
        self.record.answered_by = self._who_answers()

    def _who_answers(self) -> str:
        """Name whom the box has reached; empty for a call to it, and where a service does not tell who of several."""
        if self.incoming:
            return ""
        return self.connection.answered_by or ("" if "," in self.record.peer else self.record.peer)

    def ignore(self) -> None:
        """Let it ring here no longer; elsewhere it may."""
        self._last_event = "ignore"
        self.connection.ignore()

    def hang_up(self) -> None:
        """End it because somebody here wants so, in whatever state it is."""
        self.ended_here = True
        self.connection.reject()
        self.connection.disconnect()

    def give_up(self) -> None:
        """End a call that nobody answers."""
        self._last_event = UNANSWERED
        self.connection.disconnect()

    @property
    def failed(self) -> bool:
        """Whether it came to nothing although somebody here wanted it."""
        return self.taken and not self.answered and not self.ended_here

    @property
    def goes_on(self) -> bool:
        """Whether it went with its socket while somebody still waits for it."""
        return self.failed and self.socket_lost and self.wish is not None and self.wish.is_patient(monotonic())

    @property
    def unreached(self) -> bool:
        """Whether the service had no part in its end: it was not reached, or lost before it could say anything."""
        error = self.error
        cut_off = error is None or (error.twilio_error is not None and error.twilio_error.code == NO_CONNECTION)
        return cut_off and (self.socket_lost or not self.connection.parameters.get("CallSid"))

    def end(self, event: str) -> None:
        """Enter the end of the call; `event` is what it ended with."""
        self.move_on()
        self.record.ended_s = time.time()
        failed = self.error is not None or (self.socket_lost and not self.ended_here)
        status = self.connection.sip_status
        code = self.error.code if self.error is not None else None if status is None else CODE_BASE + status
        last = self._last_event or event
        self.record.outcome = outcome(self.record.direction, last, answered=self.answered, code=code, failed=failed,
                                      ended_here=self.ended_here)  # fmt: skip

    def describe(self) -> dict[str, Any]:
        """Describe the call as the page shows it."""
        connection, record = self.connection, self.record
        return {
            "direction": record.direction,
            "peer": record.peer,
            "answered_by": record.answered_by,
            "status": connection.status(),
            "since_ms": round((record.answered_s or record.at_s) * 1000),
            "muted": connection.is_muted(),
            "codec": connection.codec,
            "rtt_ms": self._sample.get("rtt"),
            "jitter_ms": self._sample.get("jitter"),
            "loss_percent": self._sample.get("packetsLostFraction"),
            "mos": self._sample.get("mos"),
            "level_in": self._sample.get("audioInputLevel"),
            "level_out": self._sample.get("audioOutputLevel"),
        }

    def _on_sample(self, sample: dict[str, Any]) -> None:
        self._sample = sample

    def _on_error(self, error: VoiceError) -> None:
        self.error = error

"""The last calls of the box, in memory only: nothing is written in steady operation."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import Any

MOST_CALLS = 20


@dataclass
class CallRecord:
    """One call: times are Unix seconds."""

    direction: str
    peer: str
    at_s: float
    answered_s: float | None = None
    ended_s: float | None = None
    outcome: str = ""

    def as_json(self) -> dict[str, Any]:
        """As the page shows it."""
        duration_s = (self.ended_s or self.at_s) - self.answered_s if self.answered_s else 0.0
        return {
            "direction": self.direction,
            "peer": self.peer,
            "at_ms": round(self.at_s * 1000),
            "duration_s": round(duration_s, 1),
            "outcome": self.outcome,
        }


class CallLog:
    """Newest first; a call is found again by its object."""

    def __init__(self) -> None:
        self._records: deque[tuple[object, CallRecord]] = deque(maxlen=MOST_CALLS)

    def began(self, call: object, direction: str, peer: str) -> None:
        """A call came in or was placed."""
        self._records.appendleft((call, CallRecord(direction, peer, time.time())))

    def answered(self, call: object) -> None:
        """Both sides talk now."""
        if (record := self.find(call)) is not None:
            record.answered_s = time.time()

    def ended(self, call: object, event: str) -> None:
        """The call is over; `event` is the event that ended it."""
        record = self.find(call)
        if record is None or record.ended_s is not None:
            return
        record.ended_s = time.time()
        unanswered = {"reject": "rejected", "cancel": "missed"}.get(event, "unanswered")
        record.outcome = "answered" if record.answered_s else unanswered

    def find(self, call: object) -> CallRecord | None:
        """The record of `call`."""
        return next((record for one, record in self._records if one is call), None)

    def as_json(self) -> list[dict[str, Any]]:
        """The calls that have ended."""
        return [record.as_json() for _, record in self._records if record.ended_s is not None]

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
    answered_by: str = ""  # whom the box reached, where that is known

    def as_json(self) -> dict[str, Any]:
        """Describe the call as the page shows it."""
        duration_s = (self.ended_s or self.at_s) - self.answered_s if self.answered_s else 0.0
        return {
            "direction": self.direction,
            "peer": self.peer,
            "at_ms": round(self.at_s * 1000),
            "duration_s": round(duration_s, 1),
            "outcome": self.outcome,
            "answered_by": self.answered_by,
        }


class CallLog:
    """Newest first."""

    def __init__(self) -> None:
        self._records: deque[CallRecord] = deque(maxlen=MOST_CALLS)

    def begin(self, direction: str, peer: str) -> CallRecord:
        """Enter a call that came in or was placed."""
        record = CallRecord(direction, peer, time.time())
        self._records.appendleft(record)
        return record

    def forget(self, record: CallRecord) -> None:
        """Leave out a call; idempotent."""
        if record in self._records:
            self._records.remove(record)

    def has(self, record: CallRecord) -> bool:
        """Tell whether this very call is in the list."""
        return any(one is record for one in self._records)

    def as_json(self) -> list[dict[str, Any]]:
        """Describe the calls that have ended."""
        return [record.as_json() for record in self._records if record.ended_s is not None]

"""Digits on their way to one client: each arrives once, also when its path is lost, or is not there yet. Pure.

Theory: a client that forwards by the switchboard cannot know how the path of the other one is, and an event (RFC 4733)
that is sent over a path which is gone is lost. A digit is certain once the client was heard after the digit's end. What
is not certain when the path is lost, and what is dialled until the client is heard again, is sent anew then.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from agent.media.codec.telephone_event import EventStreams

MOST_KEPT: Final = 64
CERTAIN_S: Final = 0.25  # an event and its gap


class KeptDigits:
    """Outlives the media of a leg: what takes its place goes on with it. Times are monotonic seconds."""

    def __init__(self) -> None:
        self.is_reached = False  #: whether what is sent now arrives
        self._events = EventStreams()
        self._uncertain: deque[tuple[float, str]] = deque(maxlen=MOST_KEPT)
        self._kept = ""
        self._passes = True  # the event that is under way

    def passes(self, payload: bytes, timestamp: int, sequence: int | None, now: float, *, is_free: bool) -> bool:
        """Take one packet of an event; whether it is to be sent on. Not `is_free`: other digits are being sent."""
        digit = self._events.put(None, sequence or 0, timestamp, payload)
        if digit:
            self._passes = self.is_reached and is_free
            if self._passes:
                self._uncertain.append((now, digit))
            else:
                self.keep(digit)
        return self._passes

    def keep(self, digits: str) -> None:
        """Keep these for when the client is reached; too many are dropped."""
        self._kept += digits[: MOST_KEPT - len(self._kept)]

    def heard(self, now: float) -> None:
        """Note that the client is there."""
        self.is_reached = True
        while self._uncertain and now - self._uncertain[0][0] > CERTAIN_S:
            self._uncertain.popleft()

    def lost(self) -> None:
        """Note that the path, or the process at its end, is gone."""
        self.is_reached = False
        again = "".join(digit for _, digit in self._uncertain)
        self._uncertain.clear()
        self._kept = (again + self._kept)[:MOST_KEPT]

    def take(self) -> str:
        """Return what is to be sent now, once."""
        if not self.is_reached:
            return ""
        kept, self._kept = self._kept, ""
        return kept

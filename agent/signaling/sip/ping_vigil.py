"""When an edge is pinged, and how long its pong may take (RFC 5626 sections 3.5.1 and 4.4.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

FLOW_TIMER_S: Final = 30.0  #: where the edge asks for nothing
LEAST_FLOW_TIMER_S: Final = 5.0
PING_SHARE: Final = (0.8, 1.0)  #: of the time that the edge asks for (RFC 5626 section 4.4.1)
FIRST_PING_S: Final = 1.0
PONG_S: Final = 10.0
UNANSWERED_S: Final = 2.0  #: after a message to which nothing comes back, a ping asks whether anybody is there
UNANSWERED_PONG_S: Final = 4.0


class PingVigil:
    """The pings of one connection; times are monotonic seconds."""

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._every_s = FLOW_TIMER_S
        self._ping_at = 0.0
        self._pong_by: float | None = None
        self._unanswered_at: float | None = None
        self.patience_s = PONG_S

    def deadline(self) -> float:
        """Tell when it is to be looked at again."""
        return min(time for time in (self._ping_at, self._pong_by, self._unanswered_at) if time is not None)

    def begin(self, now: float) -> None:
        """Ask soon, to learn whether this edge answers pings."""
        self._every_s = FLOW_TIMER_S
        self._pong_by = self._unanswered_at = None
        self._ping_at = now + FIRST_PING_S

    def ask_every(self, seconds: float, now: float) -> None:
        """Ping as often as the edge asks for, within reason."""
        self._every_s = min(max(seconds, LEAST_FLOW_TIMER_S), FLOW_TIMER_S)
        self._plan(now)

    def sent(self, now: float) -> None:
        """Expect something to come back soon."""
        if self._unanswered_at is None and self._pong_by is None:
            self._unanswered_at = now + UNANSWERED_S

    def heard(self, _now: float) -> bool:
        """Take anything as a sign of life; True if it was asked for."""
        was_asked = self._pong_by is not None
        self._pong_by = self._unanswered_at = None
        return was_asked

    def is_over(self, now: float) -> bool:
        """Tell whether a pong is missing."""
        return is_due(self._pong_by, now)

    def wants_ping(self, now: float) -> bool:
        """Tell whether a ping is due, and set how long its pong may take."""
        self.patience_s = UNANSWERED_PONG_S if is_due(self._unanswered_at, now) else PONG_S
        return now >= self._ping_at or is_due(self._unanswered_at, now)

    def asked(self, now: float, patience_s: float) -> None:
        """Note that a ping is on its way, and wait so long for its pong."""
        self._unanswered_at = None
        self._pong_by = min(self._pong_by or now + patience_s, now + patience_s)
        self._plan(now)

    def _plan(self, now: float) -> None:
        low, high = PING_SHARE
        self._ping_at = now + self._every_s * (low + (high - low) * self._random())


def is_due(deadline: float | None, now: float) -> bool:
    """Tell whether this point in time is set and reached."""
    return deadline is not None and now >= deadline

"""The latest moments of a box, for whoever watches it; pure."""

from __future__ import annotations

from collections import deque
from typing import Any

from agent.log import excerpt, tidy

MOST = 50
MOST_DETAIL = 200  # characters


class RecentMoments:
    """A bounded list; what is too many is dropped from its beginning."""

    def __init__(self) -> None:
        self._moments: deque[dict[str, Any]] = deque(maxlen=MOST)
        self._last = 0

    def note(self, moment: str, detail: object, now_s: float) -> None:
        """Note what happened; `now_s` in Unix seconds, from which ids come that grow, after a restart too."""
        at_ms = round(now_s * 1000)
        self._last = max(self._last + 1, at_ms)
        text = excerpt(detail, MOST_DETAIL) if detail else ""
        self._moments.append(tidy({"id": self._last, "at_ms": at_ms, "moment": moment, "detail": text}))

    def since(self, last: int) -> list[dict[str, Any]]:
        """List those after the one with this id, the oldest first; all of them for an id that is still to come."""
        return [one for one in self._moments if one["id"] > last or last > self._last]

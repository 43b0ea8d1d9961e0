"""What waits for a hook: one is dealt with at a time, in order, and a bounded number waits. Pure."""

from __future__ import annotations

from collections import deque

from agent.house.happenings import Happening


class HookQueue:
    """Drops the oldest that waits: what happened last matters most to whoever is late."""

    def __init__(self, most: int) -> None:
        self.dropped = 0  #: since the last `take`
        self.busy_until_s: float | None = None  #: when what is being dealt with ends at the latest
        self._most = most
        self._waiting: deque[Happening] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, happening: Happening) -> None:
        """Let it wait."""
        self._waiting.append(happening)
        if len(self._waiting) > self._most:
            self._waiting.popleft()
            self.dropped += 1

    def take(self, until_s: float) -> tuple[Happening, int] | None:
        """Begin with the next, until then at most; it, and how many were dropped before it; None when none waits."""
        if not self._waiting:
            self.busy_until_s = None
            return None
        self.busy_until_s = until_s
        dropped, self.dropped = self.dropped, 0
        return self._waiting.popleft(), dropped

    def overdue_s(self, now: float) -> float:
        """Return the seconds since what is being dealt with should have ended."""
        return 0.0 if self.busy_until_s is None else max(0.0, now - self.busy_until_s)

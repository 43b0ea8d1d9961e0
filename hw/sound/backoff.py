"""Growing pauses between attempts to open a lost card. Pure."""

from __future__ import annotations


class Pauses:
    """Doubles from `first_s` to `most_s`."""

    def __init__(self, first_s: float, most_s: float) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._next_s = min(first_s, most_s)

    def take_s(self) -> float:
        """Take the pause before the next attempt; the one after it is longer."""
        pause, self._next_s = self._next_s, min(self._most_s, self._next_s * 2)
        return pause

    def reset(self) -> None:
        """Begin again with the shortest."""
        self._next_s = min(self._first_s, self._most_s)

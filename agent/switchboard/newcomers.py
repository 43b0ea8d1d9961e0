"""Who has come and shown no token yet: a newcomer always gets in, and makes nobody wait who has shown one. Pure.

Nobody can be kept out by those who stay, because they make room: of the address with the most, the one that has been
there for longest. Those who have said nothing cost little, and have more room than those who speak.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from agent.net.address import share_of

MOST_SILENT = 256
MOST_SPEAKING = 64


class Newcomer:
    """One connection without a token; `drop` ends it at once."""

    def __init__(self, address: str, drop: Callable[[], object]) -> None:
        self.address = share_of(address)
        self.drop = drop


class Newcomers:
    """At most so many of them that say nothing, and so many that speak."""

    def __init__(self, most_silent: int = MOST_SILENT, most_speaking: int = MOST_SPEAKING) -> None:
        self._most_silent, self._most_speaking = most_silent, most_speaking
        self._silent: dict[Newcomer, None] = {}  # those who came first stand first
        self._speaking: dict[Newcomer, None] = {}

    def __len__(self) -> int:
        return len(self._silent) + len(self._speaking)

    def enter(self, newcomer: Newcomer) -> None:
        """Let it in, silent."""
        _make_room(self._silent, self._most_silent)
        self._silent[newcomer] = None

    def speak(self, newcomer: Newcomer) -> None:
        """Note that it has begun to say something."""
        del self._silent[newcomer]
        _make_room(self._speaking, self._most_speaking)
        self._speaking[newcomer] = None

    def leave(self, newcomer: Newcomer) -> None:
        """Forget it, because it has shown a token or is gone; idempotent."""
        self._silent.pop(newcomer, None)
        self._speaking.pop(newcomer, None)

    def drop_silent(self) -> None:
        """End those who have said nothing."""
        while self._silent:
            _drop(self._silent, next(iter(self._silent)))


def _make_room(crowd: dict[Newcomer, None], most: int) -> None:
    if len(crowd) >= most:
        crowded = Counter(one.address for one in crowd)
        _drop(crowd, max(crowd, key=lambda one: crowded[one.address]))  # of equals the first


def _drop(crowd: dict[Newcomer, None], newcomer: Newcomer) -> None:
    del crowd[newcomer]
    newcomer.drop()

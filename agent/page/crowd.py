"""Who is at the page: a newcomer always gets in, and whoever takes most of the room makes place for it. Pure.

Nobody can be kept out by those who are slow, because those are dropped first: whoever has gone without being missed,
then, of the address with the most connections, the one that has been reading or writing for longest, then the oldest
stream, and last the newest guess at the password.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from enum import IntEnum

from agent.net.address import share_of


class Doing(IntEnum):
    """What a visitor does; those with a lower number are dropped first."""

    MOVING = 0  # bytes, or nothing at all
    WATCHING = 1
    GUESSING = 2  # waits for its password to be looked at


class Visitor:
    """One connection; `drop` ends it at once, `has_gone` tells whether its other end is closed."""

    def __init__(
        self, address: str, now: float, drop: Callable[[], object], has_gone: Callable[[], bool] = lambda: False
    ) -> None:
        self.address = share_of(address)
        self.doing = Doing.MOVING
        self.since = now
        self.is_known = False  #: whether it gave the right password before
        self.drop = drop
        self.has_gone = has_gone

    def turn_to(self, doing: Doing, now: float) -> None:
        """Note what it does from now on."""
        self.doing, self.since = doing, now


class Crowd:
    """At most `most` visitors, and of them `most_watching` that watch."""

    def __init__(self, most: int, most_watching: int) -> None:
        self._most = most
        self._most_watching = most_watching
        self._visitors: set[Visitor] = set()

    def __len__(self) -> int:
        return len(self._visitors)

    def enter(self, visitor: Visitor) -> None:
        """Let it in; somebody else is dropped where there is no room."""
        if len(self._visitors) >= self._most:
            self._drop_one_of(self._visitors)
        self._visitors.add(visitor)

    def watch(self, visitor: Visitor, now: float) -> None:
        """Let it watch; another one that does is dropped where too many do."""
        watching = {one for one in self._visitors if one.doing is Doing.WATCHING}
        if len(watching) >= self._most_watching:
            self._drop_one_of(watching)
        visitor.turn_to(Doing.WATCHING, now)

    def leave(self, visitor: Visitor) -> None:
        """Forget it; idempotent."""
        self._visitors.discard(visitor)

    def _drop_one_of(self, candidates: set[Visitor]) -> None:
        if gone := [one for one in candidates if one.has_gone()]:
            self._drop(*gone)
            return
        crowded = Counter(one.address for one in candidates)

        def burden(one: Visitor) -> tuple[int, int, float]:
            return crowded[one.address], -one.doing, one.since if one.doing is Doing.GUESSING else -one.since

        self._drop(max(candidates, key=burden))

    def _drop(self, *visitors: Visitor) -> None:
        for visitor in visitors:
            self._visitors.discard(visitor)
            visitor.drop()

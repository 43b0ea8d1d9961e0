"""Who has come and shown no token yet: a newcomer always gets its turn, and takes no place of who has shown one. Pure.

Nobody is kept out by those who stay. Those who have said nothing cost little; of too many of them those of the address
with the most go, the oldest first. Those who have said something get TLS one after the other, an address with few of
them before one with many, and not so many at once that calls and clients would wait for the signatures; and while
others wait, who has done nothing with its place for a while gives it up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from agent.net.address import share_of

MOST_WAITING = 300
MOST_SPEAKING = 100
MOST_AT_ONCE = 4  # handshakes that begin in one turn: one costs the server 1 to 3 ms
TURN_S = 0.01
IDLE_S = 0.75  # while others wait
SPEAKING_S = 3.0  # likewise, whatever is done meanwhile


class Newcomer:
    """One connection without a token; `drop` ends it at once, `begin` lets it have TLS. Times are monotonic seconds."""

    def __init__(self, address: str, drop: Callable[[], object], begin: Callable[[], object]) -> None:
        self.address = share_of(address)
        self.drop = drop
        self.begin = begin
        self.began_at = self.active_at = 0.0

    def is_idle(self, now: float) -> bool:
        """Tell whether it has had its turn."""
        return now - self.active_at >= IDLE_S or now - self.began_at >= SPEAKING_S


class Newcomers:
    """So many that wait, for their first byte or for their turn, and so many that speak."""

    def __init__(self, most_waiting: int = MOST_WAITING, most_speaking: int = MOST_SPEAKING) -> None:
        self._most_waiting, self._most_speaking = most_waiting, most_speaking
        self._silent: dict[Newcomer, None] = {}  # those who came first stand first, in all three
        self._ready: dict[Newcomer, None] = {}
        self._speaking: dict[Newcomer, None] = {}
        self._turn_at = float("-inf")
        self._begun = 0  # in this turn

    def __len__(self) -> int:
        return len(self._silent) + len(self._ready) + len(self._speaking)

    @property
    def are_waiting(self) -> bool:
        """Whether somebody waits for its turn."""
        return bool(self._ready)

    def enter(self, newcomer: Newcomer) -> None:
        """Let it in, silent; where there is no room, another one that waits is dropped."""
        if len(self._silent) + len(self._ready) >= self._most_waiting:
            _drop_one_of(self._silent or self._ready)
        self._silent[newcomer] = None

    def speak(self, newcomer: Newcomer, now: float) -> None:
        """Note that it has begun to say something."""
        del self._silent[newcomer]
        self._ready[newcomer] = None
        self.tick(now)

    def act(self, newcomer: Newcomer, now: float) -> None:
        """Note that it has got further."""
        newcomer.active_at = now

    def leave(self, newcomer: Newcomer, now: float) -> None:
        """Forget it, because it has shown a token or is gone; idempotent."""
        for crowd in (self._silent, self._ready, self._speaking):
            crowd.pop(newcomer, None)
        self.tick(now)

    def tick(self, now: float) -> None:
        """Give turns to those who wait, in the places that are free or that somebody does nothing with."""
        if now - self._turn_at >= TURN_S:
            self._turn_at, self._begun = now, 0
        while self._ready and self._begun < MOST_AT_ONCE:
            if len(self._speaking) >= self._most_speaking and not self._free_a_place(now):
                return
            newcomer = self._next()
            del self._ready[newcomer]
            newcomer.began_at = newcomer.active_at = now
            self._speaking[newcomer] = None
            self._begun += 1
            newcomer.begin()

    def drop_waiting(self) -> None:
        """End those who have had no turn."""
        for crowd in (self._silent, self._ready):
            while crowd:
                _drop_one_of(crowd)

    def _next(self) -> Newcomer:
        crowded = Counter(one.address for one in self._speaking)
        return min(self._ready, key=lambda one: crowded[one.address])  # of equals the first

    def _free_a_place(self, now: float) -> bool:
        idle = {one: None for one in self._speaking if one.is_idle(now)}
        if not idle:
            return False
        dropped = _drop_one_of(idle)
        self._speaking.pop(dropped, None)
        return True


def _drop_one_of(crowd: dict[Newcomer, None]) -> Newcomer:
    """Drop the first one of the address with the most."""
    crowded = Counter(one.address for one in crowd)
    dropped = max(crowd, key=lambda one: crowded[one.address])
    del crowd[dropped]
    dropped.drop()
    return dropped

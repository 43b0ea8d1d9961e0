"""How fast passwords are guessed: those of one address are looked at one after the other, and a wrong one takes time.

The right one costs nothing where nobody guesses, and elsewhere the wait behind those who do: two seconds behind fifty.
The answer to a wrong one waits longer each time, beside the queue, so that only whoever guesses has to wait for it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import TypeVar

import gevent
from gevent.lock import BoundedSemaphore

_Known = TypeVar("_Known")

WRONG_PASSWORD_S = 0.04  # how long one wrong guess keeps the next one of its address waiting
MOST_PENALTY_S = 2.0
FORGIVEN_S = 60.0  # after the last wrong guess of an address
MOST_ADDRESSES = 256  # that are remembered for theirs; whoever guessed least lately is forgotten


class Guesses:
    """The queues of all addresses that guess just now."""

    def __init__(self) -> None:
        self._lanes: dict[str, tuple[BoundedSemaphore, int]] = {}  # and how many are in it
        self._wrong: OrderedDict[str, tuple[int, float]] = OrderedDict()  # guesses in a row, and until when

    def judge(self, address: str, find: Callable[[], _Known | None], has_gone: Callable[[], bool]) -> _Known | None:
        """Look at one password when its turn has come, unless its sender has gone; blocks the calling greenlet.

        Returns what `find()` knows of its sender; None for a wrong one, of which it knows nothing.
        """
        with self._lane(address) as lane, lane:
            if has_gone():
                return None
            if known := find():
                self._wrong.pop(address, None)
                return known
            self._count(address, monotonic())
            gevent.sleep(WRONG_PASSWORD_S)
            return None

    def penalty_s(self, address: str) -> float:
        """Tell how long the answer to a wrong guess of this address should wait: twice as long each time."""
        guesses, _until = self._wrong.get(address, (0, 0.0))
        return min(MOST_PENALTY_S, WRONG_PASSWORD_S * (2 ** min(guesses, 10) - 2)) if guesses else 0.0

    def _count(self, address: str, now: float) -> None:
        guesses, until = self._wrong.pop(address, (0, 0.0))
        self._wrong[address] = (guesses + 1 if now < until else 1), now + FORGIVEN_S
        if len(self._wrong) > MOST_ADDRESSES:
            self._wrong.popitem(last=False)

    @contextmanager
    def _lane(self, address: str) -> Iterator[BoundedSemaphore]:
        lane, inside = self._lanes.get(address, (BoundedSemaphore(1), 0))
        self._lanes[address] = lane, inside + 1
        try:
            yield lane
        finally:
            inside = self._lanes[address][1] - 1
            if inside:
                self._lanes[address] = lane, inside
            else:
                del self._lanes[address]

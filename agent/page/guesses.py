"""How fast passwords are guessed: those of one address are looked at one after the other, and a wrong one takes time.

The right one costs nothing where nobody guesses, and elsewhere the wait behind those who do: two seconds behind fifty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import gevent
from gevent.lock import BoundedSemaphore

WRONG_PASSWORD_S = 0.04  # how long one wrong guess keeps the next one of its address waiting


class Guesses:
    """The queues of all addresses that guess just now."""

    def __init__(self) -> None:
        self._lanes: dict[str, tuple[BoundedSemaphore, int]] = {}  # and how many are in it

    def judge(self, address: str, is_right: Callable[[], bool], has_gone: Callable[[], bool]) -> bool:
        """Look at one password when its turn has come, unless its sender has gone; blocks the calling greenlet."""
        with self._lane(address) as lane, lane:
            if has_gone():
                return False
            if is_right():
                return True
            gevent.sleep(WRONG_PASSWORD_S)
            return False

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

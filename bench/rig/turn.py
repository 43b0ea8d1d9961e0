"""Whether the hub is left to others."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import gevent


class Turn:
    """Counts, on the hub, how often something happens between two turns of a greenlet that wants one all the time."""

    def __init__(self) -> None:
        self.most = 0  #: things in a row
        self.total = 0
        self._row = 0
        self._greenlet = gevent.spawn(self._tick)

    def happened(self, *_: Any) -> None:
        """One more."""
        self.total += 1
        self._row += 1
        self.most = max(self.most, self._row)

    def counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, each call of which happens."""

        @functools.wraps(function)
        def call(*arguments: Any, **options: Any) -> Any:
            self.happened()
            return function(*arguments, **options)

        return call

    def close(self) -> None:
        """Stop counting."""
        self._greenlet.kill()

    def _tick(self) -> None:
        while True:
            gevent.sleep(0.0001)
            self._row = 0

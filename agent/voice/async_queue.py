"""Operations that run one after the other, whoever asks for them (spec: device 10, oracle 10 asyncQueue)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import gevent
from gevent.event import AsyncResult


class AsyncQueue:
    """Strictly first in, first out: each operation starts when the one before has ended, well or badly."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Callable[[], Any], AsyncResult[Any]]] = deque()
        self._running = False

    def enqueue(self, operation: Callable[[], Any]) -> AsyncResult[Any]:
        """Run `operation` in its turn, in a greenlet; the result carries its value or its exception."""
        result: AsyncResult[Any] = AsyncResult()
        self._waiting.append((operation, result))
        if not self._running:
            self._running = True
            gevent.spawn(self._drain)
        return result

    def _drain(self) -> None:
        while self._waiting:
            operation, result = self._waiting.popleft()
            try:
                result.set(operation())
            except Exception as exc:
                result.set_exception(exc)
        self._running = False

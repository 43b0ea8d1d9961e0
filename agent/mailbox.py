"""Calls from any thread, carried out on the gevent hub: the only way in for native threads and for asyncio."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

import gevent

from agent.closing import Closing
from agent.handlers import log_failure


class Mailbox(Closing):
    """Belongs to the hub that made it; libev's `async` watcher is the only one that other threads may touch."""

    def __init__(self) -> None:
        self._letters: deque[tuple[Callable[..., object], tuple[Any, ...]]] = deque()
        self._awake = False
        self._watcher = gevent.get_hub().loop.async_()
        self._watcher.start(self._drain)

    def post(self, fn: Callable[..., object], *args: Any) -> None:
        """Run `fn(*args)` in the hub, first in first out; any thread; `fn` must not block."""
        self._letters.append((fn, args))
        if not self._awake:
            self._awake = True
            self._watcher.send()

    def close(self) -> None:
        """Carry out nothing more; hub only."""
        self._awake = True  # a late post must not touch the closed watcher
        self._watcher.stop()
        self._watcher.close()

    def _drain(self) -> None:
        self._awake = False
        for _ in range(len(self._letters)):  # bounded: a flood must not starve the hub
            fn, args = self._letters.popleft()
            try:
                fn(*args)
            except BaseException as exc:
                log_failure("a call posted to the hub", fn, exc)
        if self._letters and not self._awake:
            self._awake = True
            self._watcher.send()

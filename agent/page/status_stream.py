"""The status of the box as server-sent events: at once, and again at each change."""

from __future__ import annotations

import json
from collections.abc import Iterator

import gevent
from gevent.event import Event

from agent.closing import Closing
from agent.page.box import Box

SMALLEST_GAP_S = 0.1  # changes that come faster are told as one
KEEPALIVE_S = 10.0  # a comment then, so that a browser that has gone is noticed
RETRY_MS = 1000


class StatusStreams(Closing):
    """All open streams; each remembers only that something has changed, so a slow reader costs nothing."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self._changes: set[Event] = set()
        self._closed = False
        self._unsubscribe = box.subscribe(self._changed)

    def close(self) -> None:
        """End all streams; idempotent."""
        self._closed = True
        self._unsubscribe()
        self._changed()

    def events(self) -> Iterator[bytes]:
        """Open a new stream of chunks for one browser."""
        changed = Event()
        changed.set()
        self._changes.add(changed)
        try:
            yield f"retry: {RETRY_MS}\n\n".encode()
            while not self._closed:
                if not changed.wait(KEEPALIVE_S):
                    yield b": still here\n\n"
                    continue
                changed.clear()
                yield b"data: " + json.dumps(self._box.status()).encode() + b"\n\n"
                gevent.sleep(SMALLEST_GAP_S)
        finally:
            self._changes.discard(changed)

    def _changed(self) -> None:
        for change in self._changes:
            change.set()

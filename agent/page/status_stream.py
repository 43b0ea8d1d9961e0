"""What the box does, as server-sent events: its status at once and at each change, each moment as it happens.

Whoever may look after the box also hears how its self-test comes along.

Moments are kept by the box, a bounded number; a stream only remembers which one it told last, and so does a browser,
which says so when it comes back (`Last-Event-ID`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import gevent
from gevent.event import Event

from agent.closing import Closing
from agent.page.api_keys import MEND, OPEN, OWNER, Asker
from agent.page.box import Box

SMALLEST_GAP_S = 0.1  # changes that come faster are told as one
KEEPALIVE_S = 10.0  # a comment then, so that a browser that has gone is noticed
RETRY_MS = 1000


def shown_to(asker: Asker, box: Box) -> dict[str, Any]:
    """Return the status, and what whoever asks may do."""
    status = box.status()
    doors = [name for name in status.get("doors", ()) if OPEN in asker.permissions and box.may_open(asker.by, name)]
    return {**status, "permissions": sorted(asker.permissions), "may_open": doors}


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

    def events(self, asker: Asker = OWNER, told: int = 0) -> Iterator[bytes]:
        """Open a new stream of chunks for one browser, that was told all moments up to `told` before."""
        changed = Event()
        changed.set()
        self._changes.add(changed)
        doctor: dict[str, Any] = {}
        try:
            yield f"retry: {RETRY_MS}\n\n".encode()
            while not self._closed:
                if not changed.wait(KEEPALIVE_S):
                    yield b": still here\n\n"
                    continue
                changed.clear()
                yield b"data: " + json.dumps(shown_to(asker, self._box)).encode() + b"\n\n"
                for moment in self._box.moments_since(told):
                    told = moment["id"]
                    yield f"event: moment\nid: {told}\ndata: {json.dumps(moment)}\n\n".encode()
                if MEND in asker.permissions and (found := self._box.doctor()) != doctor and found["began_at_ms"]:
                    doctor = found
                    yield f"event: doctor\ndata: {json.dumps(doctor)}\n\n".encode()
                gevent.sleep(SMALLEST_GAP_S)
        finally:
            self._changes.discard(changed)

    def _changed(self) -> None:
        for change in self._changes:
            change.set()

"""A program's own sound in the place of the microphone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import gevent

READ_S = 0.5
PAUSE_S = 0.1


class Source(Protocol):
    """Where the sound comes from, e.g. the remote stream of another call."""

    def read(self, timeout_s: float | None = None) -> bytes | None:
        """The next 20 ms frame, 48 kHz mono int16; None when there is none in time, or no more."""


def feed(source: Source, local_stream: Any, is_over: Callable[[], bool]) -> None:
    """Send what `source` gives instead of the microphone, in a greenlet, until the call is over."""
    gevent.spawn(_feed, source, local_stream, is_over)


def _feed(source: Source, local_stream: Any, is_over: Callable[[], bool]) -> None:
    while not is_over():
        frame = source.read(READ_S)
        if frame and not is_over():
            local_stream.write(frame)
        else:
            gevent.sleep(PAUSE_S)  # a source that has ended returns at once, for ever

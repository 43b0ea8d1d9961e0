"""Makes an exception that nobody expected somebody's trouble: what was logged as one lights the error light, too.

Listeners, timers, children and native threads log what they could not do, and go on; without this nobody who stands in
front of the box, or asks for its status, would hear of it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from agent.clock import Timer
from agent.closing import Closing
from agent.hub_clock import HubClock
from agent.log import excerpt

SHOWN_S = 600.0  # a fault that does not come again in this time is over
OURS = ("agent", "hw")
MOST = 200  # characters


class FaultLight(logging.Handler, Closing):
    """Listens to the log of this package; `trouble(why)` is called on the hub, with an empty text when it is over."""

    def __init__(self, post: Callable[..., None], trouble: Callable[[str], None]) -> None:
        super().__init__(logging.ERROR)
        self._post, self._trouble = post, trouble
        self._over: Timer | None = None

    def open(self) -> None:
        """Begin to listen."""
        for name in OURS:
            logging.getLogger(name).addHandler(self)

    def close(self) -> None:
        """Listen no more; idempotent."""
        for name in OURS:
            logging.getLogger(name).removeHandler(self)
        self._forget()
        super().close()

    def emit(self, record: logging.LogRecord) -> None:
        """Take one line of the log; any thread."""
        caught = record.exc_info[1] if record.exc_info else None
        if caught is not None or getattr(record, "fault", False):
            kind = f" ({type(caught).__name__})" if caught is not None else ""
            self._post(self._show, f"an internal fault{kind}: {excerpt(record.getMessage(), MOST)}; see the log")

    def _show(self, why: str) -> None:
        self._forget()
        self._over = HubClock().call_later(SHOWN_S, self._trouble, "")
        self._trouble(why)

    def _forget(self, *_: Any) -> None:
        if self._over is not None:
            self._over.cancel()
            self._over = None

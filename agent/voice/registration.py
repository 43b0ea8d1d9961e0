"""Says again and again that this Device takes calls (spec: device 8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from agent.clock import Clock, Timer

INTERVAL_S: Final = 30.0


class Registration:
    """The presence flag and its timer: one `register` now, and one 30 s after each while the flag is set."""

    def __init__(self, clock: Clock, send: Callable[[bool], bool], present: bool) -> None:
        """`send(flag)` sends one `register` and says whether there was a stream to send it on."""
        self.present = present
        self._clock = clock
        self._send = send
        self._timer: Timer | None = None

    def set(self, present: bool) -> None:
        """Take calls or stop taking them, and say so."""
        self.present = present
        self.announce()

    def announce(self) -> None:
        """Say it now; without a stream nothing is said, and the timer is not armed again."""
        if not self._send(self.present):
            return
        self.stop()
        if self.present:
            self._timer = self._clock.call_later(INTERVAL_S, self.announce)

    def stop(self) -> None:
        """Say nothing more until `announce` or `set`."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

"""The door's relay: pulsed, never longer than its cap, and released whatever happens to the hub.

The end of a pulse is timed by a native thread of its own, so that a blocked hub cannot keep a door open; where the
whole process stands still, `hw.panel.relay_guard` lets go at most GUARD_S later.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from hw.closing import Closing
from hw.errors import PinError
from hw.panel.pins import Pins
from hw.panel.settings import MAX_ON_MS, RelaySettings

log = logging.getLogger(__name__)

GUARD_S = 0.5


class DoorRelay(Closing):
    """One relay, released from the moment it exists; `on_change(on)` is called by whoever changed it, on any thread."""

    def __init__(self, settings: RelaySettings, pins: Pins, on_change: Callable[[bool], None] | None = None) -> None:
        if settings.pin is None:
            raise PinError("[door] has no pin; name the GPIO number of the relay")
        self._open_s = min(settings.open_ms, MAX_ON_MS) / 1000
        self._on_change = on_change
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._closed = False
        self._on_since = 0.0
        self._off_at: float | None = None  # when it should have been released; None once it was
        self._pin = pins.relay(
            settings.pin,
            active_low=settings.active_low,
            silence_s=self._open_s + GUARD_S,
            longest_s=MAX_ON_MS / 1000 + GUARD_S,
        )

    @property
    def on(self) -> bool:
        """Whether the door is released now."""
        return self._timer is not None

    def pulse(self) -> None:
        """Release the door for its time; again while it is open prolongs, up to the cap. Returns at once.

        Raises PinError when the pin cannot be set, or was let go.
        """
        with self._lock:
            if self._closed:
                raise PinError("the door's relay was let go: the program ends")
            was_on = self._timer is not None
            timer = self._put_off(time.monotonic())
            try:
                self._pin.set(1.0)
            except PinError:
                if not was_on:  # a pulse that never began has no end to be told
                    timer.cancel()
                    self._timer = self._off_at = None
                raise
        if not was_on:
            self._tell(True)

    def close(self) -> None:
        """Release the relay and let the pin go; idempotent."""
        with self._lock:
            self._closed = True
        if self._timer is not None:
            self._release(self._timer)
        self._pin.close()

    def _put_off(self, now: float) -> threading.Timer:
        """Let it end a whole time from now, or at the cap."""
        if self._timer is not None:
            self._timer.cancel()
        else:
            self._on_since = now
        end = self._off_at = min(now + self._open_s, self._on_since + MAX_ON_MS / 1000)
        timer = self._timer = threading.Timer(max(0.0, end - now), lambda: self._release(timer))
        timer.daemon = True
        timer.start()
        return timer

    def _release(self, timer: threading.Timer) -> None:
        with self._lock:
            if self._timer is not timer:  # prolonged in the moment of its end
                return
            timer.cancel()
            self._timer = None
            self._let_go()
        self._tell(False)

    def overdue_s(self) -> float:
        """Return the seconds since the door should have been shut; any thread."""
        off_at = self._off_at
        return 0.0 if off_at is None or self._closed else max(0.0, time.monotonic() - off_at)

    def release(self) -> None:
        """Shut the door now, whatever became of its timer; what cannot be done is logged, and stays overdue."""
        with self._lock:
            timer, self._timer = self._timer, None
            if timer is not None:
                timer.cancel()
            self._let_go()
        self._tell(False)

    def _let_go(self) -> None:
        try:
            self._pin.set(0.0)
        except PinError as error:
            log.error("the door's relay cannot be released; cut its supply: %s", error)
        else:
            self._off_at = None

    def _tell(self, on: bool) -> None:
        if self._on_change is not None:
            self._on_change(on)

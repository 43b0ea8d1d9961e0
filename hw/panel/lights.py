"""Lights: the states of the box in, patterns on pins out, on the hub.

The program owns what its lights show; nothing far away does. Each light knows patterns for some states and shows the
most important of those that hold now.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

import gevent
from gevent.event import Event

from hw.closing import Closing
from hw.errors import PinError
from hw.panel.patterns import OFF, WHITE
from hw.panel.pins import OutputPin, Pins
from hw.panel.settings import LightSettings

log = logging.getLogger(__name__)


class Lights(Closing):
    """All lights of the panel. `on_change()` is called on the hub when what a light shows has changed."""

    def __init__(self, settings: Mapping[str, LightSettings], pins: Pins) -> None:
        self.on_change: Callable[[], None] | None = None
        self._wake = Event()
        self._closed = False
        self._pins = pins
        self._states: Collection[str] = ()
        self._lights: dict[str, _Light] = {}
        self.wire(settings)
        self._greenlet = gevent.spawn(self._run)

    def wire(self, settings: Mapping[str, LightSettings]) -> None:
        """Have these lights and no others from now on; PinError leaves none."""
        for light in self._lights.values():
            light.close()
        self._lights = {}
        made: dict[str, _Light] = {}
        try:
            for name, one in settings.items():
                made[name] = _Light(one, _open(name, one, self._pins))
        except PinError:
            for light in made.values():
                light.close()
            raise
        self._lights = made
        self.show(self._states)

    def show(self, states: Collection[str]) -> None:
        """Show these states, and no others; a light keeps its rhythm unless its own pattern changes."""
        now = time.monotonic()
        self._states = states
        changed = [light.choose(states, now) for light in self._lights.values()]
        if any(changed):
            self._wake.set()
            if self.on_change is not None:
                self.on_change()

    def snapshot(self) -> dict[str, float]:
        """Return the brightness of each light now, 0 to 1."""
        now = time.monotonic()
        return {name: light.pattern.brightness(now - light.since) for name, light in self._lights.items()}

    def describe(self) -> dict[str, dict[str, Any]]:
        """Describe what each light shows, to be drawn: state, shape, level, colour #rrggbb and times in ms."""
        now = time.monotonic()
        return {name: light.describe(now) for name, light in self._lights.items()}

    def progress_s(self) -> float:
        """Return 0 while the lights are being driven, and for ever otherwise; for a supervisor."""
        return math.inf if self._greenlet.dead and not self._closed else 0.0

    def restart(self) -> None:
        """Begin anew to drive the lights."""
        self._greenlet.kill(block=False)
        if not self._closed:
            self._greenlet = gevent.spawn(self._run)

    def close(self) -> None:
        """Turn all off, for good; idempotent."""
        self._closed = True
        self._greenlet.kill(block=False)
        for light in self._lights.values():
            light.close()

    def _run(self) -> None:
        while not self._closed:
            now = time.monotonic()
            due = min((light.step(now) for light in self._lights.values()), default=math.inf)
            self._wake.wait(None if due == math.inf else max(0.0, due - time.monotonic()))
            self._wake.clear()


class _Light:
    """One light: its pins, and the pattern it shows since when."""

    def __init__(self, settings: LightSettings, pins: list[OutputPin]) -> None:
        self.pattern = OFF
        self.since = 0.0
        self._state = ""
        self._label = settings.label
        self._patterns = settings.patterns()
        self._pins = pins
        self._failed = False

    def choose(self, states: Collection[str], now: float) -> bool:
        """Change to the pattern of the most important state; True when it is another one."""
        state = next((state for state in self._patterns if state in states), "")
        if state == self._state:
            return False
        self._state = state
        self.pattern, self.since = self._patterns.get(state, OFF), now
        return True

    def step(self, now: float) -> float:
        """Drive the pins for `now`; when that must happen again."""
        t = now - self.since
        try:
            self._drive(self.pattern.brightness(t))
        except PinError as error:
            if not self._failed:
                log.warning("a light stays dark: %s", error)
            self._failed = True
        return self.since + self.pattern.next_change(t)

    def _drive(self, brightness: float) -> None:
        for pin, part in zip(self._pins, self.pattern.colour if len(self._pins) == 3 else WHITE, strict=False):
            pin.set(brightness * part)

    def describe(self, now: float) -> dict[str, Any]:
        pattern = self.pattern
        return {
            "label": self._label,
            "state": self._state,
            "shape": pattern.shape,
            "level": pattern.level,
            "colour": "#" + "".join(f"{round(255 * part):02x}" for part in pattern.colour),
            "on_ms": pattern.on_ms,
            "period_ms": pattern.period_ms,
            "count": pattern.count,
            "elapsed_ms": round(1000 * (now - self.since)),
        }

    def close(self) -> None:
        for pin in self._pins:
            pin.close()
        self.pattern = OFF


def _open(name: str, settings: LightSettings, pins: Pins) -> list[OutputPin]:
    numbers = [pin for pin in (settings.pin, settings.red, settings.green, settings.blue) if pin is not None]
    dimmed = any(pattern.dimmed for pattern in settings.patterns().values())
    opened: list[OutputPin] = []
    try:
        for number in numbers:
            opened.append(pins.output(number, active_low=settings.active_low, dimmed=dimmed))
        return opened
    except PinError as error:
        for pin in opened:
            pin.close()
        raise PinError(f"light {name}: {error}") from error

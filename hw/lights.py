"""Lights: the states of the box in, patterns on pins out, on the hub.

The program owns what its lights show; nothing far away does. Each light knows patterns for some states and shows the
most important of those that hold now.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import gevent
from gevent.event import Event

from hw.closing import Closing
from hw.errors import PatternError, PinError, SettingError
from hw.patterns import OFF, WHITE, Pattern, parse_pattern
from hw.pins import OutputPin, Pins

log = logging.getLogger(__name__)

STATES = (  # most important first: what a visitor must see, then what an installer must see
    "door_open",
    "ringing",
    "reconnecting",
    "muted",
    "dialling",
    "in_call",
    "error",
    "no_sound",
    "offline",
    "do_not_disturb",
    "booting",
    "ready",
)


def _pin(what: str) -> Any:
    return field(default=None, metadata={"help": f"GPIO number of {what}", "kind": "pin", "min": 0, "max": 53})


def _shown(when: str) -> Any:
    return field(default="", metadata={"help": f"pattern {when}; empty: leave it to lesser states", "kind": "pattern"})


@dataclass(frozen=True)
class LightSettings:
    """[lights.NAME]: one light, or one RGB light, and what it shows in which state."""

    pin: int | None = _pin("a plain light")
    red: int | None = _pin("the red part of an RGB light")
    green: int | None = _pin("the green part")
    blue: int | None = _pin("the blue part")
    active_low: bool = field(default=False, metadata={"help": "whether a low pin lights it (common anode)"})
    label: str = field(default="", metadata={"help": "what the page calls it; empty: the name of the section"})
    booting: str = _shown("while the program starts")
    offline: str = _shown("without a connection to the service")
    ready: str = _shown("while calls can come")
    ringing: str = _shown("while somebody calls")
    dialling: str = _shown("while a call is being made")
    in_call: str = _shown("during a call")
    muted: str = _shown("while the microphone is off in a call")
    reconnecting: str = _shown("while a call is being saved")
    no_sound: str = _shown("without a sound card")
    error: str = _shown("when something needs the installer")
    door_open: str = _shown("while the door is released")
    do_not_disturb: str = _shown("while calls are not wanted")

    def __post_init__(self) -> None:
        rgb = [pin for pin in (self.red, self.green, self.blue) if pin is not None]
        if (self.pin is None) == (not rgb) or len(rgb) not in (0, 3):
            raise SettingError("a light needs either pin, or all of red, green and blue")
        self.patterns()

    def patterns(self) -> dict[str, Pattern]:
        """Map states to patterns, most important first; only the states that this light knows. PatternError."""
        return {state: self._parse(state, text) for state in STATES if (text := getattr(self, state))}

    @staticmethod
    def _parse(state: str, text: str) -> Pattern:
        try:
            return parse_pattern(text)
        except PatternError as error:
            raise PatternError(f"{state} = {error}") from None


class Lights(Closing):
    """All lights of the panel. `on_change()` is called on the hub when what a light shows has changed."""

    def __init__(self, settings: Mapping[str, LightSettings], pins: Pins) -> None:
        self.on_change: Callable[[], None] | None = None
        self._wake = Event()
        self._lights = {name: _Light(one, _open(name, one, pins)) for name, one in settings.items()}
        self._greenlet = gevent.spawn(self._run)

    def show(self, states: Collection[str]) -> None:
        """Show these states, and no others; a light keeps its rhythm unless its own pattern changes."""
        now = time.monotonic()
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
        return math.inf if self._greenlet.dead else 0.0

    def restart(self) -> None:
        """Begin anew to drive the lights."""
        self._greenlet.kill(block=False)
        self._greenlet = gevent.spawn(self._run)

    def close(self) -> None:
        """Turn all off; idempotent."""
        self._greenlet.kill(block=False)
        for light in self._lights.values():
            light.close()

    def _run(self) -> None:
        while True:
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
    try:
        return [pins.output(number, active_low=settings.active_low, dimmed=dimmed) for number in numbers]
    except PinError as error:
        raise PinError(f"light {name}: {error}") from error

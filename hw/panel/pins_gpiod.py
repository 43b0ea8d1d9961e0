"""gpiozero's pins over libgpiod 2, on a chip that was found by its label; loaded only where there is such a chip.

A line is claimed when its direction is known, and in one step: no output is an input, or the other level, before.
"""

from __future__ import annotations

import logging
import os
import threading
from contextlib import suppress
from dataclasses import replace
from typing import Any

import gpiod
from gpiod import LineRequest, LineSettings
from gpiod.edge_event import EdgeEvent
from gpiod.line import Bias, Direction, Edge, Value

from hw.errors import PinError
from hw.panel.chips import Chip
from hw.panel.dimmer import PWM_HZ, Dimmer
from hw.panel.edges import Edges
from hw.panel.pins_library import (
    GPIOZeroError,
    LocalPiFactory,
    LocalPiPin,
    PinFixedPull,
    PinInvalidFunction,
    PinPWMUnsupported,
    PinSetInput,
)

log = logging.getLogger(__name__)

_STAND_IN_REVISION = 0xA02082  # a Pi 3B; lends its pin numbers to boards that are no Pi
_CONSUMER = "kiosk-agent"  #: what `gpioinfo` shows
_BIASES = {"up": Bias.PULL_UP, "down": Bias.PULL_DOWN, "floating": Bias.DISABLED}
_EDGES = {"both": Edge.BOTH, "rising": Edge.RISING, "falling": Edge.FALLING}


class GpiodFactory(LocalPiFactory):  # type: ignore[misc]
    """The pins of one open chip; closing it lets all of them go."""

    def __init__(self, chip: gpiod.Chip, path: str | None = None) -> None:
        """`path` is that of the chip; None where no other process could open it."""
        super().__init__()
        self.path = path
        self.pins: dict[Any, Any] = {}  # gpiozero shares pins between factories, even those of one that was closed
        self.pin_class = GpiodPin
        self.chip = chip
        self.edges = Edges()
        self.dimmer = Dimmer()

    def close(self) -> None:
        """Close every pin, then the chip; idempotent."""
        super().close()
        self.edges.close()
        self.dimmer.close()
        self.chip.close()

    def _get_revision(self) -> int:
        try:
            return int(super()._get_revision())
        except GPIOZeroError:
            return _STAND_IN_REVISION


class GpiodPin(LocalPiPin):  # type: ignore[misc]
    """One line of the chip; errors of the kernel are OSError."""

    def __init__(self, factory: GpiodFactory, info: Any) -> None:
        super().__init__(factory, info)
        self._lock = threading.Lock()  # a request serves one thread at a time
        self._settings = LineSettings()
        self._request: LineRequest | None = None
        self._edges = Edge.BOTH
        self._duty: float | None = None

    def close(self) -> None:
        """Let the line go; idempotent."""
        self.when_changed = None
        self.factory.dimmer.forget(self)
        self._duty = None
        with self._lock:
            if self._request is not None:
                self._request.release()
            self._request, self._settings = None, LineSettings()

    def output_with_state(self, state: bool) -> None:
        """Drive the line from the first moment on at `state`."""
        self._claim(LineSettings(direction=Direction.OUTPUT, output_value=Value(int(state))))

    def write(self, level: bool) -> None:
        """Drive high or low, whatever the duty says (hw.panel.dimmer.Output)."""
        with self._lock:
            if self._request is not None:
                self._request.set_value(self._number, Value(int(level)))

    def _claim(self, settings: LineSettings) -> None:
        with self._lock:
            if self._request is None:
                self._request = self.factory.chip.request_lines({self._number: settings}, consumer=_CONSUMER)
                os.set_blocking(self._request.fd, False)
            else:
                self._request.reconfigure_lines({self._number: settings})
            self._settings = settings

    def _get_function(self) -> str:
        return "output" if self._settings.direction is Direction.OUTPUT else "input"

    def _set_function(self, value: str) -> None:
        if value == "output":
            self.output_with_state(False)
        elif value == "input":
            self._claim(LineSettings(direction=Direction.INPUT))
        else:
            raise PinInvalidFunction(f'invalid function "{value}" for pin {self!r}')

    def _get_state(self) -> float:
        if self._duty is not None:
            return self._duty
        with self._lock:
            level = bool(self._request and self._request.get_value(self._number))
        if self._settings.edge_detection is not Edge.NONE:
            self._read_edges()  # those that led to this level are told before it, though their thread be late
        return level

    def _set_state(self, value: float) -> None:
        if self._duty is not None:
            self._duty = value
            self.factory.dimmer.set(self, value)
        elif self.function == "input":
            raise PinSetInput(f"cannot set state of pin {self!r}")
        else:
            self.write(bool(value))

    def _get_pull(self) -> str:
        return next((name for name, bias in _BIASES.items() if bias is self._settings.bias), "floating")

    def _set_pull(self, value: str) -> None:
        if self.function != "input":
            raise PinFixedPull(f"cannot set pull on non-input pin {self!r}")
        if self.info.pull not in (value, ""):
            raise PinFixedPull(f"{self!r} has a physical pull-{self.info.pull} resistor")
        self._claim(replace(self._settings, bias=_BIASES[value]))

    def _get_frequency(self) -> int | None:
        return None if self._duty is None else PWM_HZ

    def _set_frequency(self, value: float | None) -> None:
        if not value:
            self.factory.dimmer.forget(self)
            self._duty = None
        elif value != PWM_HZ or self.function != "output":
            raise PinPWMUnsupported(f"{self!r} can be dimmed as an output at {PWM_HZ} Hz only")
        elif self._duty is None:
            self._duty = float(self.state)

    def _get_bounce(self) -> None:
        return None

    def _set_bounce(self, value: float | None) -> None:
        if value is not None:
            raise NotImplementedError("hw.panel.debounce does it")

    def _get_edges(self) -> str:
        return next(name for name, edge in _EDGES.items() if edge is self._edges)

    def _set_edges(self, value: str) -> None:
        watched, self.when_changed = self.when_changed, None
        self._edges = _EDGES[value]
        self.when_changed = watched

    def _enable_event_detect(self) -> None:
        self._claim(replace(self._settings, edge_detection=self._edges))
        assert self._request is not None
        self.factory.edges.watch(self._request.fd, self._read_edges)

    def _disable_event_detect(self) -> None:
        if self._request is not None:
            self.factory.edges.forget(self._request.fd)
            self._claim(replace(self._settings, edge_detection=Edge.NONE))

    def _read_edges(self) -> None:
        """Pass on what the kernel saw; on the thread of hw.panel.edges."""
        events: list[EdgeEvent] = []
        with self._lock, suppress(BlockingIOError):  # taken already, before edges were enabled anew
            events = self._request.read_edge_events() if self._request else []
        for event in events:
            self._tell(event.timestamp_ns / 1e9, event.event_type is EdgeEvent.Type.RISING_EDGE)

    def _tell(self, at_s: float, level: bool) -> None:
        with self._when_changed_lock:
            try:
                if self._when_changed is not None:
                    self._call_when_changed(at_s, level)
            except Exception:  # the next edge may not be lost with this one
                log.exception("an edge of %r was lost", self)


def open_chip(chip: Chip) -> GpiodFactory:
    """Open gpiozero's factory for the pins of `chip`; PinError."""
    try:
        path = f"/dev/gpiochip{chip.number}"
        return GpiodFactory(gpiod.Chip(path), path)
    except OSError as error:
        raise PinError(f"/dev/gpiochip{chip.number} ({chip.label}) cannot be opened: {error}") from error

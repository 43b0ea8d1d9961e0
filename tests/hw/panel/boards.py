"""Boards to try the pins on: gpiozero's mock, our pins on a chip in memory, our pins on the kernel's simulated chip.

Each has `pins`, `drive(number, high)` for the finger, `level(number)` for the eye and, in memory, `history(number)`.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, cast

import gpiod
from gpiod import LineSettings
from gpiod.edge_event import EdgeEvent
from gpiod.line import Bias, Direction, Edge, Value

from hw.panel.pins import Pins, open_factory
from hw.panel.pins_gpiod import GpiodFactory

SIMULATED = Path("/run/gpio")  # gpio-sim's folder, in the virtual machine of tests/vm


class Board(Protocol):
    pins: Pins

    def drive(self, number: int, high: bool) -> None: ...
    def level(self, number: int) -> bool: ...
    def history(self, number: int) -> list[bool]: ...


class MockBoard:
    def __init__(self) -> None:
        self.pins = open_factory("mock")
        self._raw: dict[int, Any] = {}

    def drive(self, number: int, high: bool) -> None:
        (self._pin(number).drive_high if high else self._pin(number).drive_low)()

    def level(self, number: int) -> bool:
        return self._pin(number).state > 0

    def history(self, number: int) -> list[bool]:
        return [change.state > 0 for change in self._pin(number).states]

    def _pin(self, number: int) -> Any:
        with suppress(KeyError):  # a closed pin is still looked at
            self._raw[number] = self.pins.raw(number)
        return self._raw[number]


class Line:
    """What the kernel knows of one line."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.settings: LineSettings | None = None  # None: not requested
        self.contact: bool | None = None  # who drives it from outside
        self.driven = False
        self.history: list[bool] = []
        self.fd = -1
        self.events: list[EdgeEvent] = []

    @property
    def level(self) -> bool:
        if self.settings is not None and self.settings.direction is Direction.OUTPUT:
            return self.driven
        if self.contact is not None:
            return self.contact
        return self.settings is not None and self.settings.bias is Bias.PULL_UP

    def change(self, how: Callable[[], None]) -> None:
        with self.lock:
            before = self.level
            how()
            if self.level == before and self.history:
                return
            self.history.append(self.level)
            edge = EdgeEvent.Type.RISING_EDGE if self.level else EdgeEvent.Type.FALLING_EDGE
            wanted = self.settings.edge_detection if self.settings else Edge.NONE
            if self.level != before and (wanted is Edge.BOTH or edge.name.startswith(wanted.name)):
                self.events.append(EdgeEvent(edge.value, time.monotonic_ns(), 0, 0, 0))
                os.eventfd_write(self.fd, 1)


class Request:
    """A gpiod.LineRequest for one line, in memory."""

    def __init__(self, line: Line, settings: LineSettings) -> None:
        self._line = line
        line.fd = self.fd = os.eventfd(0)
        self.reconfigure_lines({0: settings})

    def reconfigure_lines(self, config: dict[int, LineSettings]) -> None:
        (settings,) = config.values()

        def configure() -> None:
            self._line.settings, self._line.driven = settings, settings.output_value is Value.ACTIVE

        self._line.change(configure)

    def get_value(self, number: int) -> Value:
        return Value(int(self._line.level))

    def set_value(self, number: int, value: Value) -> None:
        assert self._line.settings is not None, "written after its release"
        self._line.change(lambda: setattr(self._line, "driven", value is Value.ACTIVE))

    def read_edge_events(self) -> list[EdgeEvent]:
        with self._line.lock:
            os.eventfd_read(self.fd)  # raises BlockingIOError, as the kernel does, when there is nothing
            events, self._line.events = self._line.events, []
            return events

    def release(self) -> None:
        self._line.change(lambda: setattr(self._line, "settings", None))
        os.close(self.fd)


class Chip:
    """A gpiod.Chip in memory."""

    def __init__(self) -> None:
        self.lines: dict[int, Line] = {}
        self.closed = False

    def request_lines(self, config: dict[int, LineSettings], consumer: str) -> Request:
        ((number, settings),) = config.items()
        line = self.lines.setdefault(number, Line())
        if line.settings is not None:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        return Request(line, settings)

    def close(self) -> None:
        self.closed = True


class MemoryBoard:
    def __init__(self) -> None:
        self.chip = Chip()
        self.pins = Pins(GpiodFactory(cast("gpiod.Chip", self.chip)), "memory")

    def drive(self, number: int, high: bool) -> None:
        line = self.chip.lines[number]
        line.change(lambda: setattr(line, "contact", high))

    def level(self, number: int) -> bool:
        return self.chip.lines[number].level

    def history(self, number: int) -> list[bool]:
        return self.chip.lines[number].history


class SimulatedBoard:
    """The kernel's gpio-sim; it keeps no history. A line that is let go shows its pull: down, as a light's is."""

    def __init__(self) -> None:
        for number in range(28):
            self.drive(number, False)
        self.pins = open_factory("gpiod")

    def drive(self, number: int, high: bool) -> None:
        (SIMULATED / f"sim_gpio{number}/pull").write_text("pull-up" if high else "pull-down")

    def level(self, number: int) -> bool:
        return (SIMULATED / f"sim_gpio{number}/value").read_text().strip() == "1"

    def history(self, number: int) -> list[bool]:
        return []


BOARDS: dict[str, Callable[[], Board]] = {"mock": MockBoard, "memory": MemoryBoard}
if SIMULATED.exists():
    BOARDS["simulated"] = SimulatedBoard

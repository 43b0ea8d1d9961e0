"""The board's pins as inputs that are active or not and outputs with a brightness, by way of gpiozero.

The virtual panel uses gpiozero's own mock pins, so everything above this file runs the same.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from hw.closing import Closing
from hw.errors import PinError
from hw.panel.chips import Chip, explain_missing, find_chip, is_raspberry_pi, list_chips
from hw.panel.dimmer import PWM_HZ
from hw.panel.guarded_pin import GuardedPin
from hw.panel.pins_library import MockFactory, PinPWMUnsupported
from hw.panel.pins_mock import VirtualPin, VirtualPwmPin
from hw.panel.relay_guard import RelayWiring
from hw.panel.settings import PULLS

log = logging.getLogger(__name__)

KINDS = ("auto", "gpiod", "mock")
OLD_NAMES = {"lgpio": "gpiod"}  # the library that drove the board's pins before

Watcher = Callable[[bool, float], None]
AnyPin = TypeVar("AnyPin", "InputPin", "OutputPin")


def open_factory(kind: str = "auto", chip: str = "") -> Pins:
    """Open the pins of this machine: `gpiod` real ones, `mock` virtual ones, `auto` real ones where there are any.

    `chip` is the label of the chip to use on a board that is not a Raspberry Pi. Raises PinError.
    """
    kind = OLD_NAMES.get(kind, kind)
    if kind not in KINDS:
        raise PinError(f"pins = {kind!r} is not known; use one of {', '.join(KINDS)}")
    if kind == "mock":
        return Pins(MockFactory(), "mock")
    chips = list_chips()
    found = find_chip(chips, chip)
    if found is not None:
        return Pins(_open_gpiod(found), found.label)
    if kind == "gpiod" or chip or is_raspberry_pi():
        raise PinError(explain_missing(chips, chip))
    log.info("no GPIO chip of a Raspberry Pi here: the panel is virtual")
    return Pins(MockFactory(), "mock")


class Pins(Closing):
    """All pins of one board; hands out each pin once, and closes what is left."""

    def __init__(self, factory: Any, label: str) -> None:
        self._factory = factory
        self._open: dict[int, InputPin | OutputPin | GuardedPin] = {}
        self.label = label  #: label of the chip, or "mock"

    @property
    def virtual(self) -> bool:
        """Whether there is no real board behind the pins."""
        return isinstance(self._factory, MockFactory)

    def input(self, number: int, *, pull: str = "up", active_low: bool = True) -> InputPin:
        """Open GPIO `number` as an input with `pull` up, down or none. Raises PinError."""
        raw = self._claim(number, VirtualPin)
        with _explained(number):
            raw.function = "input"
            raw.pull = PULLS[pull]
            raw.bounce = None  # gpiozero#1090: differs per factory and swallows releases; hw.panel.debounce does it
            raw.edges = "both"
        return self._keep(InputPin(self, number, raw, active_low))

    def output(self, number: int, *, active_low: bool = False, dimmed: bool = False) -> OutputPin:
        """Open GPIO `number` as an output that is off; `dimmed` asks for PWM, where the pin has it. Raises PinError."""
        raw = self._claim(number, VirtualPwmPin if dimmed else VirtualPin)
        with _explained(number):
            raw.output_with_state(active_low)
            dimmable = dimmed and _start_pwm(raw, active_low)
        return self._keep(OutputPin(self, number, raw, active_low, dimmable))

    def relay(self, number: int, *, active_low: bool, silence_s: float, longest_s: float) -> OutputPin | GuardedPin:
        """Open GPIO `number` as an output that is off, and is let go by itself after so long without a word.

        On a real chip another process holds it. Raises PinError.
        """
        if self.virtual or self._factory.path is None:
            return self.output(number, active_low=active_low)
        self._refuse_second(number)
        wiring = RelayWiring(self._factory.path, number, active_low, silence_s, longest_s)
        guarded = self._open[number] = GuardedPin(wiring, lambda: self._open.pop(number, None))
        return guarded

    def raw(self, number: int) -> Any:
        """Return the gpiozero pin behind an open GPIO `number`: what tests of a virtual board drive and read."""
        pin = self._open[number]
        assert not isinstance(pin, GuardedPin), "a guarded pin is another process's"
        return pin.raw

    def close(self) -> None:
        """Turn every output off and let all pins go; idempotent."""
        for pin in list(self._open.values()):
            pin.close()
        self._factory.close()

    def forget(self, pin: InputPin | OutputPin) -> None:
        """Make a pin that is being closed available again."""
        self._open.pop(pin.number, None)
        if self.virtual:
            self._factory.pins.pop(pin.raw.info, None)

    def _keep(self, pin: AnyPin) -> AnyPin:
        self._open[pin.number] = pin
        return pin

    def _refuse_second(self, number: int) -> None:
        if number in self._open:
            raise PinError(f"GPIO{number} is used twice; give each button, light and relay a pin of its own")

    def _claim(self, number: int, mock_class: type[VirtualPin | VirtualPwmPin]) -> Any:
        self._refuse_second(number)
        with _explained(number):
            return self._factory.pin(number, **({"pin_class": mock_class} if self.virtual else {}))


class InputPin(Closing):
    """A pin that reads a contact: active or not, whatever the wiring."""

    def __init__(self, owner: Pins, number: int, raw: Any, active_low: bool) -> None:
        self.number = number
        self.raw = raw
        self._owner = owner
        self._active_low = active_low
        self._simulated = False
        self._watcher: Watcher | None = None

    @property
    def active(self) -> bool:
        """The level now; PinError when the board cannot be read."""
        with _explained(self.number):
            return bool(self.raw.state) != self._active_low or self._simulated

    def watch(self, callback: Watcher) -> None:
        """Call `callback(active, at)` for each edge, on a native thread; it must not block.

        `at` is when the kernel saw the edge, on the monotonic clock, however late it comes here.
        Raises PinError.
        """
        self._watcher = callback
        with _explained(self.number):
            self.raw.when_changed = self._changed

    def simulate(self, active: bool) -> None:
        """Press or let go without a finger: drives a mock pin, overlays a real one."""
        if self._owner.virtual:
            (self.raw.drive_low if active == self._active_low else self.raw.drive_high)()
            return
        self._simulated = active
        if self._watcher is not None:
            self._watcher(self.active, time.monotonic())

    def close(self) -> None:
        """Let the pin go; idempotent."""
        self._watcher = None
        _let_go(self.raw)
        self._owner.forget(self)

    def _changed(self, ticks: float, state: Any) -> None:
        if (watcher := self._watcher) is not None:
            watcher(bool(state) != self._active_low or self._simulated, ticks)


class OutputPin(Closing):
    """A pin that drives a light or a relay: brightness 0 to 1, whatever the wiring."""

    def __init__(self, owner: Pins, number: int, raw: Any, active_low: bool, dimmable: bool) -> None:
        self.number = number
        self.raw = raw
        self.dimmable = dimmable  #: whether values between 0 and 1 show as such
        self._owner = owner
        self._active_low = active_low

    def set(self, value: float) -> None:
        """Drive at `value`, 0 (off) to 1; without PWM half and more is on. Raises PinError."""
        level = 1.0 - value if self._active_low else value
        with _explained(self.number):
            self.raw.state = level if self.dimmable else level >= 0.5

    def close(self) -> None:
        """Turn off and let the pin go; idempotent."""
        with suppress(PinError):
            self.set(0.0)
        if self.dimmable:
            with suppress(Exception):
                self.raw.frequency = None
            with suppress(Exception):
                self.raw.state = self._active_low
            self.dimmable = False
        _let_go(self.raw)
        self._owner.forget(self)


def _open_gpiod(chip: Chip) -> Any:
    try:
        from hw.panel.pins_gpiod import open_chip
    except ImportError as error:
        raise PinError(f"the gpiod library is missing ({error}); install it: pip install 'gpiod>=2.2'") from error
    return open_chip(chip)


@contextmanager
def _explained(number: int) -> Iterator[None]:
    try:
        yield
    except PinError:
        raise
    except Exception as error:  # of the kernel, of gpiozero, or of gpiod once the line is released
        raise PinError(f"GPIO{number} cannot be used: {error}; is it free, and on this board's header?") from error


def _start_pwm(raw: Any, active_low: bool) -> bool:
    try:
        raw.frequency = PWM_HZ
    except PinPWMUnsupported:
        return False
    raw.state = float(active_low)
    return True


def _let_go(raw: Any) -> None:
    with suppress(Exception):
        raw.when_changed = None
    with suppress(Exception):
        raw.close()

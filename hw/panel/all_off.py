"""Brings a panel to rest from outside: for the moment after the program has died without doing so itself."""

from __future__ import annotations

from collections.abc import Mapping

from hw.errors import PinError
from hw.panel.lights import Lights
from hw.panel.pins import Pins
from hw.panel.relay_guard import once_free
from hw.panel.settings import LightSettings, RelaySettings


def put_to_rest(pins: Pins, lights: Mapping[str, LightSettings], *doors: RelaySettings) -> None:
    """Release all relays, turn all lights off and close `pins`; PinError names what cannot be, after the rest."""
    problems = []
    for door in doors:
        try:
            _release(pins, door)
        except PinError as error:
            problems.append(f"door: {error}")
    for name, light in lights.items():
        try:
            Lights({name: light}, pins).close()
        except PinError as error:
            problems.append(str(error))
    pins.close()
    if problems:
        raise PinError("; ".join(problems))


def _release(pins: Pins, door: RelaySettings) -> None:
    number = door.pin
    if number is not None:
        once_free(lambda: pins.output(number, active_low=door.active_low)).close()

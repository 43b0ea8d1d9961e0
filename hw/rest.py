"""Brings a panel to rest from outside: for the moment after the program has died without doing so itself."""

from __future__ import annotations

from collections.abc import Mapping

from hw.lights import Lights, LightSettings
from hw.pins import Pins
from hw.relay import Relay, RelaySettings


def put_to_rest(pins: Pins, lights: Mapping[str, LightSettings], door: RelaySettings) -> None:
    """Release the door's relay, turn all lights off and close `pins`. Raises PinError."""
    try:
        if door.pin is not None:
            Relay(door, pins).close()
        Lights(lights, pins).close()
    finally:
        pins.close()

from __future__ import annotations

from hw.lights import LightSettings
from hw.pins import Pins
from hw.relay import RelaySettings
from hw.rest import put_to_rest


def test_what_a_dead_program_left_on_goes_off(pins: Pins) -> None:
    opened: list[tuple[int, bool]] = []
    output = pins.output

    def remember(number: int, *, active_low: bool = False, dimmed: bool = False) -> object:
        pin = output(number, active_low=active_low, dimmed=dimmed)
        opened.append((number, bool(pin.raw.state)))
        return pin

    pins.output = remember  # type: ignore[method-assign, assignment]
    put_to_rest(pins, {"bell": LightSettings(pin=27, ringing="blink")}, RelaySettings(pin=22, active_low=True))
    assert opened == [(22, True), (27, False)]


def test_a_box_without_a_door_is_brought_to_rest_too(pins: Pins) -> None:
    put_to_rest(pins, {}, RelaySettings())

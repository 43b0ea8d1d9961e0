from __future__ import annotations

from typing import Any

import pytest

from hw.errors import PinError
from hw.panel.all_off import put_to_rest
from hw.panel.pins import OutputPin, Pins
from hw.panel.settings import LightSettings, RelaySettings


class WatchedPins(Pins):
    """Remembers to which level each output was first driven."""

    def __init__(self, pins: Pins) -> None:
        super().__init__(pins._factory, "mock")
        self.driven: dict[int, bool] = {}

    def output(self, number: int, **wiring: Any) -> OutputPin:
        pin = super().output(number, **wiring)
        self.driven[number] = bool(pin.raw.state)
        return pin


@pytest.fixture
def board(pins: Pins) -> WatchedPins:
    return WatchedPins(pins)


def test_what_a_dead_program_left_on_goes_off(board: WatchedPins) -> None:
    put_to_rest(board, {"bell": LightSettings(pin=27, ringing="blink")}, RelaySettings(pin=22, active_low=True))
    assert board.driven == {22: True, 27: False}


def test_a_box_without_a_door_is_brought_to_rest_too(board: WatchedPins) -> None:
    put_to_rest(board, {}, RelaySettings())
    assert board.driven == {}


def test_a_pin_that_is_gone_does_not_keep_the_others_on(board: WatchedPins) -> None:
    lights = {"bad": LightSettings(pin=52), "bell": LightSettings(pin=27)}
    with pytest.raises(PinError, match=r"door: GPIO53 .*; light bad: GPIO52"):
        put_to_rest(board, lights, RelaySettings(pin=53))
    assert board.driven == {27: False}

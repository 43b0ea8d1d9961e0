from __future__ import annotations

import time

import pytest

from hw.errors import PinError
from hw.panel import pins as pins_module
from hw.panel.chips import Chip
from hw.panel.pins import Pins, open_factory

PI4 = [Chip(0, "pinctrl-bcm2711", 58), Chip(1, "raspberrypi-exp-gpio", 8)]


def test_a_machine_without_chips_gets_a_virtual_panel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pins_module, "list_chips", list)
    monkeypatch.setattr(pins_module, "is_raspberry_pi", lambda: False)
    assert open_factory("auto").virtual


def test_a_pi_without_its_chip_is_an_error_and_not_a_virtual_panel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pins_module, "list_chips", list)
    monkeypatch.setattr(pins_module, "is_raspberry_pi", lambda: True)
    with pytest.raises(PinError, match=r"pinctrl-bcm2711.*found: none"):
        open_factory("auto")


def test_a_wrong_label_names_those_that_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pins_module, "list_chips", lambda: PI4)
    with pytest.raises(PinError, match="raspberrypi-exp-gpio"):
        open_factory("auto", "pinctrl-typo")


def test_an_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(PinError, match="auto, lgpio, mock"):
        open_factory("rpigpio")


def test_a_contact_to_ground_is_active_when_low(pins: Pins) -> None:
    contact = pins.input(17)
    assert not contact.active
    pins.raw(17).drive_low()
    assert contact.active


def test_a_contact_to_3v3_is_active_when_high(pins: Pins) -> None:
    contact = pins.input(17, pull="down", active_low=False)
    assert not contact.active
    pins.raw(17).drive_high()
    assert contact.active


def test_both_edges_reach_the_watcher(pins: Pins) -> None:
    seen: list[bool] = []
    pins.input(17).watch(lambda active, at: seen.append(active))
    pins.raw(17).drive_low()
    pins.raw(17).drive_high()
    assert seen == [True, False]


@pytest.mark.parametrize(("late_s", "is_believed"), [(0.02, True), (-5.0, False), (1e9, False)])
def test_the_kernels_time_of_an_edge_is_taken_if_it_can_be_true(pins: Pins, late_s: float, is_believed: bool) -> None:
    seen: list[float] = []
    contact = pins.input(17)
    contact.watch(lambda active, at: seen.append(at))
    before = time.monotonic()
    contact._changed(before - late_s, False)
    assert (seen[0] == before - late_s) is is_believed
    assert seen[0] <= time.monotonic()


def test_a_simulated_press_moves_the_mock_pin(pins: Pins) -> None:
    contact = pins.input(17)
    contact.simulate(True)
    assert pins.raw(17).state == 0
    contact.simulate(False)
    assert pins.raw(17).state == 1


def test_an_active_low_output_starts_high_and_never_dips(pins: Pins) -> None:
    pins.output(22, active_low=True)
    assert pins.raw(22).state == 1


def test_a_dimmed_output_takes_brightness_in_between(pins: Pins) -> None:
    light = pins.output(27, dimmed=True)
    light.set(0.25)
    assert pins.raw(27).state == 0.25
    assert light.dimmable


def test_a_plain_output_rounds_brightness(pins: Pins) -> None:
    light = pins.output(27)
    light.set(0.6)
    assert pins.raw(27).state == 1
    light.set(0.4)
    assert pins.raw(27).state == 0


def test_a_pin_is_handed_out_once(pins: Pins) -> None:
    pins.input(17)
    with pytest.raises(PinError, match="GPIO17 is used twice"):
        pins.output(17)


def test_a_closed_pin_can_be_opened_as_something_else(pins: Pins) -> None:
    pins.input(17).close()
    assert pins.output(17, dimmed=True).dimmable


def test_a_pin_that_the_board_lacks_is_named(pins: Pins) -> None:
    with pytest.raises(PinError, match="GPIO53 cannot be used"):
        pins.input(53)


def test_a_fixed_pull_up_cannot_be_pulled_down(pins: Pins) -> None:
    with pytest.raises(PinError, match="GPIO2 cannot be used"):
        pins.input(2, pull="down")


def test_closing_the_board_turns_its_outputs_off(pins: Pins) -> None:
    light = pins.output(27)
    light.set(1.0)
    raw = pins.raw(27)
    pins.close()
    assert [change.state for change in raw.states][-2:] == [1, 0]

from __future__ import annotations

import time
from pathlib import Path

import pytest

from hw import pins as pins_module
from hw.errors import PinError
from hw.pins import Chip, Pins, find_chip, is_raspberry_pi, list_chips, open_factory

PI4 = [Chip(0, "pinctrl-bcm2711", 58), Chip(1, "raspberrypi-exp-gpio", 8)]
PI5_OLD_KERNEL = [Chip(0, "gpio-brcmstb@107d508500", 32), Chip(4, "pinctrl-rp1", 54)]
PI5_NEW_KERNEL = [Chip(0, "pinctrl-rp1", 54), Chip(10, "gpio-brcmstb@107d508500", 32)]


@pytest.mark.parametrize(
    ("chips", "number"),
    [(PI4, 0), (PI5_OLD_KERNEL, 4), (PI5_NEW_KERNEL, 0), ([Chip(0, "pinctrl-bcm2835", 54)], 0)],
    ids=["pi 4", "pi 5 before", "pi 5 after", "pi 3"],
)
def test_the_header_is_found_by_the_label_of_its_chip(chips: list[Chip], number: int) -> None:
    found = find_chip(chips)
    assert found is not None
    assert found.number == number


def test_another_board_is_found_by_the_label_that_was_set() -> None:
    assert find_chip([Chip(2, "gpio-rockchip", 32)], "gpio-rockchip") == Chip(2, "gpio-rockchip", 32)
    assert find_chip([Chip(2, "gpio-rockchip", 32)]) is None


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


def test_a_chip_that_this_user_may_not_open_names_the_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gpiochip0").touch()

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(PinError, match="group `gpio`"):
        list_chips(tmp_path)


def test_a_file_that_is_no_chip_is_named(tmp_path: Path) -> None:
    (tmp_path / "gpiochip0").touch()
    with pytest.raises(PinError, match="gpiochip0 cannot be read as a GPIO chip"):
        list_chips(tmp_path)


def test_the_device_tree_tells_a_raspberry_pi(tmp_path: Path) -> None:
    model = tmp_path / "model"
    assert not is_raspberry_pi(model)
    model.write_bytes(b"Raspberry Pi 5 Model B Rev 1.0\0")
    assert is_raspberry_pi(model)


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

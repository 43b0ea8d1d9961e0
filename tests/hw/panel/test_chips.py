from __future__ import annotations

from pathlib import Path

import pytest

from hw.errors import PinError
from hw.panel.chips import Chip, find_chip, is_raspberry_pi, list_chips

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

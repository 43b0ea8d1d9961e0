"""Which outputs a settings file names, although the program would not run with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.config import load
from agent.config.outputs import RestingOutputs, outputs_of
from agent.errors import ConfigError
from hw.panel.settings import RelaySettings

SHIPPED = Path(__file__).parents[2] / "config.toml"
DOOR = "[door]\npin = 26\nactive_low = true\n"
RELAY = RelaySettings(pin=26, active_low=True)


def read(tmp_path: Path, text: str | bytes) -> RestingOutputs:
    path = tmp_path / "config.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return outputs_of(path)


def driven(found: RestingOutputs) -> dict[int | None, bool]:
    """Each output's pin, and whether it is off when high."""
    return {one.pin: one.active_low for one in (*found.doors, *found.lights.values()) if one.pin is not None}


def test_the_shipped_settings_name_the_outputs_that_they_are_loaded_with() -> None:
    config = load(SHIPPED)

    assert driven(outputs_of(SHIPPED)) == {light.pin: light.active_low for light in config.lights.values()}


@pytest.mark.parametrize(
    "other",
    [
        '[sound]\nvolume_percnt = 50\n',
        '[buttons.bell]\npin = 26\nshort = "door"\n',
        '[lights.a]\npin = 24\nready = "stedy"\n',
        '[door2]\nopen_ms = 0\n',
        '[box]\nidentity = 5\npins = "auot"\n',
        '[token]\nfile = secret\n',
        '[token]\nvalue = "never ended\n',
        '[sound]\nvolume_percent = 80\n[sound]\nvolume_percent = 90\n',
        '[page\nenabled = true\n',
        '= = =\n',
        'ca_file = "C:\\new"\n',
    ],
)  # fmt: skip
@pytest.mark.parametrize("first", [True, False])
def test_what_is_wrong_elsewhere_does_not_hide_the_door(tmp_path: Path, other: str, first: bool) -> None:
    assert read(tmp_path, other + DOOR if first else DOOR + other).doors == [RELAY]


@pytest.mark.parametrize(
    "door",
    [
        'open_ms = 99999999\ncode = "12"\n' + DOOR.replace("[door]\n", "[door]\ntries = none\n"),
        "[door]\npin = 26\nactive_low = true\nopen_ms = 1h\n",
        "[door]\npin = 26\nactive_low = yes\n",
        '[door]\npin = "26"\nactive_low = "true"\n',
        '[door]\npin = "GPIO26"   # the relay\nactive_low = 1\n',
        "[Door]\nPin = 26\nActive_Low = True\n",
        "[doors]\npn = 26\nactive_lwo = true\n",
        "[door\npin = 26\nactive_low = true\n",
        "door]\npin = 26\nactive_low = true\n",
        "[ door ]  # a relay\npin=26 # here\nactive_low=true# so\n",
        "[door]\npin = 26,\nactive_low: true\n",
        "door = {pin = 26, active_low = true}\n",
        "door = {pin = 26, active_low = true\n",
        "door.pin = 26\ndoor.active_low = true\n",
        "door.pin = 26\ndoor.active_low = true\nx = = 1\n",
        '[door]\npin = 26\nactive_low = true\ncode = 0815\n[door]\ncode = "4711"\n',
        b"\xef\xbb\xbf[door]\r\npin = 26\r\nactive_low = true\r\n",
        b"# B\xfcro\n[door]\npin = 26\nactive_low = true\n",
    ],
)
def test_the_door_is_found_however_it_was_written(tmp_path: Path, door: str | bytes) -> None:
    found = read(tmp_path, door)

    assert found.doors == [RELAY]
    assert found.problems == []


def test_of_two_relays_that_were_named_by_mistake_each_is_released(tmp_path: Path) -> None:
    found = read(tmp_path, "[door]\npin = 26\n[door]\npin = 5\nactive_low = true\n")

    assert driven(found) == {26: False, 5: True}


def test_a_light_on_the_doors_pin_does_not_open_the_door(tmp_path: Path) -> None:
    found = read(tmp_path, "[lights.a]\npin = 26\nactive_low = false\n[lights.b]\nred = 5\npin = 6\n" + DOOR)

    assert driven(found) == {26: True, 5: False, 6: False}


@pytest.mark.parametrize("pin", ["99", "true", '"twenty six"', "-"])
def test_a_pin_that_nobody_can_make_out_is_said(tmp_path: Path, pin: str) -> None:
    found = read(tmp_path, f'[door]\npin = {pin}\ncode = "271828"\n[lights.a]\npin = 24\n')

    assert driven(found) == {24: False}
    assert found.problems == ["door.pin: it names no GPIO from 0 to 53, so this output was not released"]


def test_what_is_commented_out_is_no_output(tmp_path: Path) -> None:
    assert driven(read(tmp_path, "[door]\n# pin = 26\n#pin = 5\n[x\n")) == {}


def test_the_board_is_the_one_that_was_named(tmp_path: Path) -> None:
    found = read(tmp_path, '[box]\npins = "mock"  # no board\nchip = "gpio-x#1"\nidentity = \n')

    assert (found.pins, found.chip) == ("mock", "gpio-x#1")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read"):
        outputs_of(tmp_path / "none.toml")


def test_every_door_is_released_whatever_is_wrong_with_its_section(tmp_path: Path) -> None:
    text = "[door]\npin = 26\n[doors.gate]\npin = 19\nactive_low = true\nopend_by = 3\n[doors.yard]\npin = 20 = x\n"
    assert read(tmp_path, text).doors == [RelaySettings(pin=26), RelaySettings(pin=19, active_low=True),
                                          RelaySettings(pin=20)]  # fmt: skip

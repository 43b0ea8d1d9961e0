"""After the end of the agent no light is on and the door is shut."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.config import Config, DoorSection
from agent.release import main, release
from hw.lights import LightSettings
from hw.pins import open_factory

CONFIG = Config(
    lights={
        "status": LightSettings(pin=24, ready="steady"),
        "panel": LightSettings(red=5, green=6, blue=13, active_low=True, ready="green steady"),
    },
    door=DoorSection(pin=26, active_low=True),
)


def test_every_output_is_driven_to_off() -> None:
    pins = open_factory("mock")

    assert release(CONFIG, pins) == []

    assert [bool(pins.raw(number).state) for number in (24, 5, 6, 13, 26)] == [False, True, True, True, True]


def test_a_pin_that_cannot_be_driven_does_not_keep_the_others_on() -> None:
    pins = open_factory("mock")
    pins.input(24)

    problems = release(CONFIG, pins)

    assert len(problems) == 1
    assert "GPIO24" in problems[0]
    assert bool(pins.raw(26).state)


def test_a_box_with_virtual_pins_has_nothing_to_release(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[box]\npins = "mock"\n[door]\npin = 26\n')

    assert main([str(path)]) == 0


def test_settings_that_cannot_be_used_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "config.toml")]) == 2
    assert "config.toml" in capsys.readouterr().err

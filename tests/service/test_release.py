"""After the end of the agent a program of its own releases the outputs; `tests/hw` has what happens to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent import release
from agent.release import main
from hw.panel.pins import OutputPin, Pins, open_factory


def test_the_outputs_of_a_box_are_released(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[box]\npins = "mock"\n[door]\npin = 26\n[lights.status]\npin = 24\nready = "steady"\n')

    assert main([str(path)]) == 0


@pytest.mark.parametrize(
    "wrong",
    ["[sound]\nvolume_percnt = 5\n", "[token]\nvalue = secret\n", "[door\n", "[lights.a]\npin = 26\n", "open_ms=0\n"],
)
def test_settings_that_the_agent_refuses_leave_no_door_open(
    tmp_path: Path, wrong: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    driven: list[tuple[int, bool]] = []

    class WatchedPins(Pins):
        def output(self, number: int, **wiring: bool) -> OutputPin:
            pin = super().output(number, **wiring)
            driven.append((number, bool(pin.raw.state)))
            return pin

    monkeypatch.setattr(release, "open_factory", lambda *named: WatchedPins(open_factory(*named)._factory, "mock"))
    path = tmp_path / "config.toml"
    path.write_text('[box]\npins = "mock"\n[door]\npin = 26\nactive_low = true\n' + wrong)

    assert (main([str(path)]), capsys.readouterr().err) == (0, "")
    assert driven == [(26, True)]


def test_a_relay_that_cannot_be_made_out_is_a_failure_that_keeps_nothing_else_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[box]\npins = "mock"\n[door]\npin = "relay"\n[lights.status]\npin = 24\n')

    assert main([str(path)]) == 1
    assert capsys.readouterr().err == (
        f"{path}: door.pin: it names no GPIO from 0 to 53, so this output was not released\n"
    )


def test_pins_that_are_not_there_are_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[box]\npins = "gpiod"\nchip = "no-such-chip"\n')

    assert main([str(path)]) == 1
    assert "no-such-chip" in capsys.readouterr().err


def test_settings_that_cannot_be_used_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "config.toml")]) == 2
    assert "config.toml" in capsys.readouterr().err

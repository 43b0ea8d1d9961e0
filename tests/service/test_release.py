"""After the end of the agent a program of its own releases the outputs; `tests/hw` has what happens to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.release import main


def test_the_outputs_of_a_box_are_released(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[box]\npins = "mock"\n[door]\npin = 26\n[lights.status]\npin = 24\nready = "steady"\n')

    assert main([str(path)]) == 0


def test_pins_that_are_not_there_are_a_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[box]\npins = "gpiod"\nchip = "no-such-chip"\n')

    assert main([str(path)]) == 1
    assert "no-such-chip" in capsys.readouterr().err


def test_settings_that_cannot_be_used_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "config.toml")]) == 2
    assert "config.toml" in capsys.readouterr().err

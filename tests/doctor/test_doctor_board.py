from __future__ import annotations

import dataclasses

import pytest
from gpiozero.pins.mock import MockFactory, MockPin

from agent.config import Config, DoorSection
from agent.config.settings import BoxSettings
from agent.doctor import board
from agent.doctor.checklist import Outcome
from hw.errors import PinError
from hw.panel.chips import Chip
from hw.panel.pins import Pins, open_factory
from hw.panel.settings import ButtonSettings, LightSettings
from hw.sound.settings import SoundSettings

PANEL = Config(
    box=BoxSettings(pins="mock"),
    buttons={"green": ButtonSettings(pin=17), "red": ButtonSettings(pin=18)},
    lights={"bell": LightSettings(pin=27), "status": LightSettings(red=5, green=6, blue=13)},
    door=DoorSection(pin=22),
    sound=SoundSettings(driver="none"),
)


def with_pins(kind: str) -> Config:
    return dataclasses.replace(PANEL, box=BoxSettings(pins=kind))


def test_the_board_is_named() -> None:
    check = board.check_board()
    assert check.outcome is Outcome.OK
    assert "Python 3" in check.detail


def test_a_virtual_panel_needs_no_chip() -> None:
    assert board.check_chip(PANEL).outcome is Outcome.OK


@pytest.mark.parametrize(
    ("kind", "outcome"), [("auto", Outcome.WARNING), ("gpiod", Outcome.FAILED), ("lgpio", Outcome.FAILED)]
)
def test_a_missing_chip_fails_only_where_it_is_asked_for(
    kind: str, outcome: Outcome, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board, "list_chips", lambda: [Chip(0, "gpio-other", 8)])
    check = board.check_chip(with_pins(kind))
    assert check.outcome is outcome
    assert "gpiochip0 gpio-other" in check.detail


def test_the_chip_is_told_by_its_label(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "list_chips", lambda: [Chip(4, "pinctrl-rp1", 54)])
    assert "pinctrl-rp1 is gpiochip4" in board.check_chip(with_pins("auto")).detail


def test_a_chip_that_may_not_be_opened_says_how_to_be_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied() -> list[Chip]:
        raise PinError("user 'pi' may not open /dev/gpiochip0: put it into the group `gpio`")

    monkeypatch.setattr(board, "list_chips", denied)
    check = board.check_chip(with_pins("auto"))
    assert check.outcome is Outcome.FAILED
    assert "group" in check.remedy


def test_all_pins_of_a_panel_can_be_used() -> None:
    assert board.check_pins(PANEL).detail == "7 pins can be used, no button is down"


class ShortedPin(MockPin):
    """A pin whose cable touches ground."""

    def _get_state(self) -> bool:
        return False


def test_a_button_that_is_down_is_named() -> None:
    def shorted(kind: str, chip: str) -> Pins:
        board = MockFactory()
        board.pin(18, pin_class=ShortedPin)
        return Pins(board, "mock")

    check = board.check_pins(PANEL, shorted)
    assert check.outcome is Outcome.WARNING
    assert check.detail == "read as pressed: red"


def test_a_pin_that_another_program_holds_says_so() -> None:
    def busy(kind: str, chip: str) -> Pins:
        pins = open_factory(kind, chip)
        pins.output(27)
        return pins

    check = board.check_pins(PANEL, busy)
    assert check.outcome is Outcome.FAILED
    assert "systemctl stop" in check.remedy


def test_a_user_outside_the_groups_is_told_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(board, "_groups", lambda config: {"gpio": True, "audio": True})
    monkeypatch.setattr(board, "_is_member", lambda name: name == "audio")
    check = board.check_groups(PANEL)
    assert check.outcome is Outcome.FAILED
    assert "usermod -aG gpio " in check.remedy


def test_groups_that_are_not_needed_are_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board.os, "geteuid", lambda: 1000)
    assert board.check_groups(PANEL).outcome is Outcome.OK

"""Boxes with several doors and named codes: which opens, for whom, and what the house hears of it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from agent.cli import main
from agent.config import DoorSection, load
from agent.errors import InvalidStateError
from agent.kiosk.house_box import KioskHouseBox
from hw.errors import PinError
from hw.panel.code_book import LEAST_COST, SALT_BYTES, CodeSettings, hash_code
from hw.panel.settings import RelaySettings
from tests.kiosk.stage import DOOR_PIN, Box, Phone, Site, button

GATE_PIN, YARD_PIN = 19, 20
SALT = bytes(SALT_BYTES)
DOORS = {
    "gate": RelaySettings(pin=GATE_PIN, open_ms=200),
    "yard": RelaySettings(pin=YARD_PIN, open_ms=200, opened_by=("button",)),
}
ACTIONS = {"accept": "accept", "gate": "door:gate", "yard": "door:yard", "door": "door"}
BUTTONS = {name: button(pin, short=action) for pin, (name, action) in enumerate(ACTIONS.items(), 2)}


def named(digits: str, **more: Any) -> CodeSettings:
    return CodeSettings(str(hash_code(digits, SALT, LEAST_COST)), **more)


def box_at(site: Site, **sections: Any) -> Box:
    given = {"buttons": BUTTONS, "doors": DOORS, "door": DoorSection(pin=DOOR_PIN, open_ms=200, tries=2)}
    return site.box(site.config(**{**given, **sections}))


def dial(box: Box, visitor: Phone, digits: str) -> None:
    if not visitor.calls:
        visitor.dial()
        box.until_shows("ringing")
        box.press("accept")
        visitor.until_told("accept")
    visitor.call.send_digits(digits)


def out_of_use(box: Box, pin: int) -> Callable[[], None]:
    """Let a pin be switched by nobody, until the returned function is called."""
    raw: Any = box.kiosk.pins.raw(pin)
    drive = raw._change_state

    def refuse(_value: object) -> None:
        raise OSError("the line was released")

    raw._change_state = refuse
    return lambda: setattr(raw, "_change_state", drive)


def levels(box: Box, pin: int) -> list[bool]:
    """Note what this relay does from now on."""
    relay: Any = box.kiosk.pins.raw(pin)
    seen: list[bool] = []
    drive = relay._change_state
    relay._change_state = lambda value: (seen.append(bool(value)), drive(value))[1]
    return seen


def test_each_button_opens_its_door_and_no_other(site: Site) -> None:
    box = box_at(site)
    gate, yard, front = (levels(box, pin) for pin in (GATE_PIN, YARD_PIN, DOOR_PIN))
    box.press("gate")
    box.until_told("door open gate: button")
    box.until_told("door closed gate")
    assert (gate, yard, front) == ([True, False], [], [])
    assert box.status["doors"] == {"": False, "gate": False, "yard": False}
    box.press("door")
    box.until_told("door open button")


def test_a_named_code_opens_the_doors_it_is_for_and_the_house_hears_whose_it_was(site: Site, visitor: Phone) -> None:
    box = box_at(site, codes={"post": named("4711", doors=("gate",)), "staff": named("2468")})
    dial(box, visitor, "4711")
    box.until_told("door open gate: code of post")
    visitor.until(lambda: visitor.ear.loudness() > 40, "heard that it was right")
    box.until_told("door closed gate")
    dial(box, visitor, "w2468")  # of the doors that take codes, all
    box.until_told("door open code of staff")
    box.until_told("door open gate: code of staff")
    assert not any("yard" in told for told in box.story)
    assert not any(digits in told for told in box.story for digits in ("4711", "2468"))


def test_a_code_for_once_opens_once_also_over_a_restart(site: Site, visitor: Phone) -> None:
    codes = {"guest": named("4711", once=True, doors=("gate",))}
    box = box_at(site, codes=codes)
    dial(box, visitor, "4711")
    box.until_told("door open gate: code of guest")
    assert json.loads((site.folder / "state" / "door.json").read_text())["used"]

    box.kiosk.stop()

    again = box_at(site, codes=codes)
    assert again.kiosk.doorway._code.book.owner("4711", datetime.now()) is None


def test_a_door_that_is_broken_keeps_no_other_one_shut_for_a_code_of_both(
    site: Site, visitor: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A code for once is used up by then: whoever has it must not stand before two doors that stay shut."""
    doors = {**DOORS, "yard": RelaySettings(pin=YARD_PIN, open_ms=200)}
    box = box_at(site, doors=doors, codes={"guest": named("4711", once=True, doors=("gate", "yard"))})

    def broken() -> None:
        raise PinError("GPIO 19 is gone")

    monkeypatch.setattr(box.kiosk.doorway._relays["gate"], "pulse", broken)
    dial(box, visitor, "4711")
    box.until_told("door open yard: code of guest")
    assert "trouble the door gate was not released: GPIO 19 is gone" in box.story
    assert not any("gate" in told for told in box.story if told.startswith("door open"))
    assert box.status["troubles"] == {"door gate": "the door gate was not released: GPIO 19 is gone"}


def test_each_door_has_a_trouble_of_its_own_until_it_opens_again(site: Site) -> None:
    box = box_at(site, doors={**DOORS, "yard": RelaySettings(pin=YARD_PIN, open_ms=200)})
    told: list[tuple[str, dict[str, Any]]] = []
    KioskHouseBox(box.kiosk).listen(lambda one: told.append((one.name, dict(one.details))), lambda: None)
    mend = [out_of_use(box, pin) for pin in (GATE_PIN, YARD_PIN)]

    box.press("gate")
    box.press("yard")
    box.until(lambda: len(box.status["troubles"]) == 2, "told of both")
    box.press("door")
    box.until_told("door open button")
    assert set(box.status["troubles"]) == {"door gate", "door yard"}

    mend[0]()
    box.press("gate")
    box.until_told("door open gate: button")
    assert set(box.status["troubles"]) == {"door yard"} and "error" in box.states
    assert [about["part"] for name, about in told if name == "trouble"] == ["door gate", "door yard"]
    assert ("trouble_over", {"part": "door gate"}) in told


def test_a_door_that_is_open_and_cannot_be_kept_so_is_a_trouble_and_over_when_it_can(site: Site) -> None:
    """It is told of no second opening, so that its trouble must not wait for one."""
    box = box_at(site, doors={"gate": RelaySettings(pin=GATE_PIN, open_ms=30_000)})
    box.press("gate")
    box.until_told("door open gate: button")
    mend = out_of_use(box, GATE_PIN)
    box.press("gate")
    box.until(lambda: set(box.status["troubles"]) == {"door gate"}, "told of the fault")
    mend()
    box.press("gate")
    box.until(lambda: box.status["troubles"] == {}, "is over it")


@pytest.mark.parametrize("by", ["code", "page", "http", "mqtt"])
def test_what_a_door_is_not_opened_by_cannot_open_it(site: Site, by: str) -> None:
    box = box_at(site)
    with pytest.raises(InvalidStateError, match=r"doors.yard.opened_by does not have"):
        box.kiosk.doorway.open("somebody", by, "yard")
    box.kiosk.doorway.open("somebody", by, "gate")
    box.until_told("door open gate: somebody")


def test_no_door_of_that_name_is_said(site: Site) -> None:
    box = box_at(site)
    with pytest.raises(InvalidStateError, match="it has: gate, yard"):
        box.kiosk.doorway.open("somebody", "page", "gait")


def test_the_house_is_told_which_door_and_who_and_opens_only_what_it_may(site: Site) -> None:
    box = box_at(site)
    house = KioskHouseBox(box.kiosk)
    told: list[tuple[str, dict[str, Any]]] = []
    house.listen(lambda happening: told.append((happening.name, dict(happening.details))), lambda: None)
    assert house.doors() == {"door": False, "gate": False, "yard": False}
    for name in ("gate", "door"):
        house.open_door(name, "asked for over MQTT")
        box.until_told("door closed", len(told) // 2 + 1)
    assert told == [
        ("door", {"door": "gate", "by": "asked for over MQTT"}), ("door_closed", {"door": "gate"}),
        ("door", {"door": "door", "by": "asked for over MQTT"}), ("door_closed", {"door": "door"}),
    ]  # fmt: skip
    with pytest.raises(InvalidStateError, match="does not have 'mqtt'"):
        house.open_door("yard", "asked for over MQTT")


def run_code(monkeypatch: pytest.MonkeyPatch, name: str, digits: str, config: Path) -> int:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{digits}\n"))
    return main(["code", "--config", str(config), name])


def test_the_command_prints_lines_that_open_and_refuses_a_code_that_somebody_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[doors.gate]\npin = 19\n")
    for name, digits in (("post", "4711"), ("Anna B.", "2468")):
        assert run_code(monkeypatch, name, digits, config) == 0
        config.write_text(config.read_text() + capsys.readouterr().out)
    codes = load(config).codes
    assert list(codes) == ["post", "Anna B."]
    assert len({code.hash.split(":")[3] for code in codes.values()}) == 1  # one salt
    assert run_code(monkeypatch, "milk", "4711", config) == 2
    assert "post has this code already" in capsys.readouterr().err
    assert run_code(monkeypatch, "milk", "12", config) == 2
    assert "3 to 16 digits" in capsys.readouterr().err
    config.write_text(config.read_text() + "[door]\npin = 26\ncode = '903144'\n")
    assert run_code(monkeypatch, "milk", "903144", config) == 2
    assert "door.code is this code already" in capsys.readouterr().err

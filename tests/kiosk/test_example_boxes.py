"""Each box of `examples/boxes` passes `check` at a site, and does what its first lines say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from agent.cli import main
from agent.config import Config, load
from tests.kiosk.stage import BOX_HZ, Box, Phone, Site

BOXES = Path(__file__).parents[2] / "examples" / "boxes"


def settings_at(site: Site, name: str) -> Path:
    """The example as whoever takes it would have it: with the site's server and key, readable for its user."""
    path = site.folder / f"{name}.toml"
    switchboard = site.switchboard
    path.write_text((BOXES / path.name).read_text() + f"""
[signaling]
server = "{switchboard.address.server}"
ca_file = "{switchboard.ca_file}"
insights = "off"

[token]
key_file = "{site.folder / "state" / "api_key.json"}"
""")  # fmt: skip
    path.chmod(0o600)
    return path


def play(site: Site, name: str) -> Box:
    """Start the example with virtual pins and without a page."""
    config: Config = load(settings_at(site, name))
    service = replace(config.service, control_socket=str(site.folder / "run" / "control.sock"),
                      state_dir=str(site.folder / "state"))  # fmt: skip
    box = site.box(replace(config, box=replace(config.box, pins="mock"), page=replace(config.page, enabled=False),
                           service=service))  # fmt: skip
    buttons = box.kiosk.panel._buttons
    act = buttons._on_gesture
    buttons._on_gesture = lambda name, gesture: (act(name, gesture), box.tell(f"{name} {gesture}"))[0]
    return box


def press(box: Box, name: str) -> None:
    """Press a button, and take the finger off before anything else."""
    before = box.story.count(f"{name} release")
    box.press(name)
    box.until_told(f"{name} release", before + 1)


def called(phone: Phone, by: str, times: int = 1) -> Phone:
    phone.until_told(f"incoming client:{by}", times)
    return phone


@pytest.mark.parametrize("name", [path.stem for path in sorted(BOXES.glob("*.toml"))])
def test_check_finds_nothing_wrong(site: Site, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--config", str(settings_at(site, name))]) == 0, capsys.readouterr().err


def test_three_flats_ring_in_turn_and_one_calls_back(site: Site) -> None:
    first = site.phone("first_floor")
    box = play(site, "three_flats")
    press(box, "bell")  # nobody is on the ground floor
    called(first, "front_door").call.accept()
    first.until_hears(BOX_HZ)
    press(box, "bell")
    first.until_told("disconnect")
    box.until_calm()
    first.dial("front_door")
    box.until_shows("ringing")
    press(box, "bell")
    box.until_shows("in_call")
    first.until_told("accept", times=2)


def test_a_help_point_calls_both_desks_and_the_one_that_answers_opens_the_gate(site: Site) -> None:
    desks = [site.phone("desk_1"), site.phone("desk_2")]
    box = play(site, "help_point")
    press(box, "help")
    for desk in desks:
        called(desk, "help_point_1")
    desks[0].call.reject()
    desks[1].call.accept()
    box.until_shows("in_call")
    desks[1].until_told("accept")
    desks[1].call.send_digits("31415")
    box.until_told("door open gate: code of desk")
    press(box, "exit")
    box.until_told("action door")


def test_twelve_flats_are_rung_by_two_digits_and_the_caretaker_when_nobody_is_at_home(site: Site) -> None:
    flat, caretaker = site.phone("flat_12"), site.phone("caretaker")
    box = play(site, "twelve_flats")
    for key in ("digit_1", "clear", "digit_1", "digit_2"):
        press(box, key)
    called(flat, "panel").call.reject()
    called(caretaker, "panel").call.accept()
    box.until_shows("in_call")
    assert "bell Flat 12" in box.story

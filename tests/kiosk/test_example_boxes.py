"""Each box of `examples/boxes` passes `check` at a site, and does what its first lines say."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from agent.cli import main
from agent.config import Config, load
from bench.rig.virtual_cards import shared_cards
from tests.kiosk.stage import BOX_HZ, VISITOR_HZ, Box, Phone, Site
from tests.kiosk.test_call_sounds import BELL_HZ, until_rings
from tests.kiosk.test_sound_card import Loudspeaker

BOXES = Path(__file__).parents[2] / "examples" / "boxes"


def settings_at(site: Site, name: str) -> Path:
    """The example as whoever takes it would have it: with the site's server and key, readable for its user."""
    path = site.folder / f"{name}.toml"
    text = (BOXES / path.name).read_text()
    is_whole = "\n[signaling]\n" in text  # only the port may be taken here
    path.write_text(text.replace("127.0.0.1:8443", site.switchboard.address.server) if is_whole else text + f"""
[signaling]
server = "{site.switchboard.address.server}"
ca_file = "{site.switchboard.ca_file}"
insights = "off"

[token]
key_file = "{site.folder / "state" / "api_key.json"}"
""")  # fmt: skip
    path.chmod(0o600)
    if is_whole:
        add = ["box", "add", "workshop", "--to", str(site.folder / "workshop.json")]
        assert main(["switchboard", "--state-dir", str(site.folder / "state"), *add]) == 0
    return path


def play(site: Site, name: str, **cards: str) -> Box:
    """Start the example with virtual pins and without a page; with virtual `cards` in the place of its own."""
    config: Config = load(settings_at(site, name))
    service = replace(config.service, control_socket=str(site.folder / "run" / "control.sock"),
                      state_dir=str(site.folder / "state"))  # fmt: skip
    here = replace(config, box=replace(config.box, pins="mock"), page=replace(config.page, enabled=False),
                   service=service, sound=replace(config.sound, **cards))  # type: ignore[arg-type]  # fmt: skip
    box = site.box(here, real_sound=bool(cards))
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


@pytest.mark.sound
def test_a_kiosk_rings_on_one_loudspeaker_and_talks_over_the_other(site: Site) -> None:
    cards, reception = shared_cards(), site.phone("reception")
    box = play(site, "kiosk", capture="vmic_a", playback="vspk_a", ring="vspk_b")
    box.until(lambda: box.status["sound"]["state"] == "open", "opened its cards")
    try:
        with closing(Loudspeaker(site, "a")) as counter, closing(Loudspeaker(site, "b")) as ceiling:
            reception.dial("hall")
            ceiling.until_plays(*BELL_HZ)
            assert counter.ear.loudness() < 10
            press(box, "call")
            counter.until_plays(VISITOR_HZ)
            assert not ceiling.ear.hears(VISITOR_HZ)
            press(box, "softer")
            box.until(lambda: box.status["volume_percent"] == 60, "softer")
    finally:
        cards.pactl("set-sink-volume", "spk_a", "100%")


def test_at_its_own_switchboard_a_workshop_is_heard_while_the_button_is_held(site: Site) -> None:
    office = site.phone("office")
    box = play(site, "own_switchboard")
    press(box, "bell")
    called(office, "workshop").call.accept()
    box.until_shows("in_call", "muted")
    box.until_hears(VISITOR_HZ)
    assert not office.ear.hears(BOX_HZ)
    assert box.kiosk.panel.lights.snapshot()["talk"] == 0
    box.press("talk", hold_s=20)
    office.until_hears(BOX_HZ)
    box.press("talk", hold_s=0)
    box.until_shows("muted")
    office.until_quiet()


def test_a_workshop_rings_by_day_and_only_blinks_in_the_quiet_hours(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    office, box = site.phone("office"), play(site, "own_switchboard")
    loudest = 0.0

    def blinks() -> bool:
        nonlocal loudest
        loudest = max(loudest, box.ear.loudness())
        return box.kiosk.panel.lights.snapshot()["bell"] == 1 and "ringing" in box.states

    monkeypatch.setattr(box.kiosk.volume, "_local_time", lambda: datetime(2026, 3, 2, 23, 0))
    office.dial("workshop")
    box.until(blinks, "blinked")
    office.call.disconnect()
    box.until(lambda: not blinks() and box.states == {"ready"}, "calm")
    assert loudest == 0

    monkeypatch.setattr(box.kiosk.volume, "_local_time", lambda: datetime(2026, 3, 2, 17, 59))
    office.dial("workshop")
    until_rings(box)

"""Whom a bell calls, over a real switchboard: in turn, all together, by number, with one gesture, not too often."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from agent.config.directory import DirectoryEntry, KeypadSettings
from agent.kiosk.reload import Reload
from tests.kiosk.pbx_stage import Pbx
from tests.kiosk.stage import BOX_HZ, Box, Phone, Site, button

RINGBACK_US_HZ = (440, 480)
ENTRIES = {
    "house": DirectoryEntry(("ground", "first", "attic"), ring_s=60),
    "quick": DirectoryEntry(("ground", "first"), ring_s=3, fallback="office"),
    "office": DirectoryEntry(("desk",), ring_s=60),
    "all": DirectoryEntry(("ground", "first"), ring="all", ring_s=60),
    "calm": DirectoryEntry(("ground",), ring_s=60, cool_down_s=3600),
    "one": DirectoryEntry(("ground",), ring_s=60, number="1"),
    "twelve": DirectoryEntry(("first",), ring_s=60, number="12", label="Miller"),
}
ACTIONS = {
    "house": "call:house?floor=2", "quick": "call:quick", "all": "call:all", "calm": "call:calm", "bell": "bell:house",
    "hangup": "hang_up", "redial": "redial", "d1": "digit:1", "d2": "digit:2", "d7": "digit:7", "dial": "dial",
    "clear": "clear",
}  # fmt: skip
BUTTONS = {name: button(pin, short=action) for pin, (name, action) in enumerate(ACTIONS.items(), 2) if pin != 12} | {
    "dial": button(20, short="dial")
}


def box_at(site: Site, pause_s: float = 30.0) -> Box:
    return site.box(site.config(buttons=BUTTONS, directory=ENTRIES, keypad=KeypadSettings(pause_s=pause_s)))


def ringing(phone: Phone, times: int = 1) -> Phone:
    """Wait until the box has called this phone so many times."""
    phone.until_told("incoming client:box", times)
    return phone


def test_one_after_the_other_is_called_and_the_ringing_is_heard_on(site: Site) -> None:
    ground, first = site.phone("ground"), site.phone("first")
    box = box_at(site)
    box.press("house")
    ringing(ground)
    box.until_hears(*RINGBACK_US_HZ)

    ground.call.reject()  # at once to the next one

    assert ringing(first).call.custom_parameters["floor"] == "2"
    assert "dialling" in box.states
    first.call.accept()
    first.until_hears(BOX_HZ)
    box.until_shows("in_call")
    assert box.status["call"]["answered_by"] == "first"
    assert [call for call in box.story if call.startswith("dialling")] == ["dialling ground", "dialling first"]


def test_who_does_not_answer_in_time_stops_ringing_and_who_is_absent_is_passed_over(site: Site) -> None:
    first, desk = site.phone("first"), site.phone("desk")
    box = box_at(site)
    box.press("quick")  # nobody is on the ground floor, the first does not answer, and the fallback is the office
    ringing(first)
    first.until_told("cancel")
    ringing(desk).call.accept()
    box.until_shows("in_call")
    outcomes = [(call["peer"], call["outcome"]) for call in box.status["recent_calls"]]
    assert outcomes == [("first", "unanswered"), ("ground", "unknown")]


def test_when_the_last_one_refuses_too_it_sounds_busy(site: Site) -> None:
    phones = [site.phone(name) for name in ("ground", "first", "attic")]
    box = box_at(site)
    box.press("house")
    for phone in phones:
        ringing(phone).call.reject()
    box.until_hears(480, 620)
    box.until_calm()


def test_hanging_up_ends_them_all(site: Site) -> None:
    ground, first = site.phone("ground"), site.phone("first")
    box = box_at(site)
    box.press("house")
    ringing(ground)
    box.press("hangup")
    ground.until_told("cancel")
    box.until_calm()
    box.press("calm")  # the next call of this box is another one
    ringing(ground, 2).call.accept()
    box.until_shows("in_call")
    assert not any(told.startswith("incoming") for told in first.story)


def test_between_two_of_them_the_box_is_not_idle_and_can_be_hung_up(site: Site) -> None:
    first = site.phone("first")
    box = box_at(site)
    seen = []
    box.kiosk.on("moment", lambda name, _detail: seen.append(box.kiosk.is_idle) if name == "disconnect" else None)
    box.press("house")  # the ground floor is absent
    box.until(lambda: box.kiosk.lines.current is None and box.kiosk.lines.is_on, "between two")
    assert "dialling" in box.states
    assert seen == [False] * len(seen)
    box.press("hangup")
    box.until_calm()
    box.until_quiet()
    assert not any(told.startswith("incoming") for told in first.story)


def test_all_ring_together_one_reject_ends_no_other_and_the_first_answer_wins(site: Site) -> None:
    ground, first = site.phone("ground"), site.phone("first")
    box = box_at(site)
    box.press("all")
    ringing(ground)
    ringing(first)
    ground.call.reject()
    ground.until(lambda: ground.call.status() == "closed", "over for who has refused")
    first.call.accept()
    first.until_hears(BOX_HZ)
    box.until_shows("in_call")
    assert (box.status["call"]["peer"], box.status["call"]["answered_by"]) == ("ground,first", "first")
    assert "answered by first" in box.story

    box.press("hangup")
    first.until_told("disconnect")
    box.until_calm()
    assert box.last_call["answered_by"] == "first"
    box.press("redial")  # an entry is called again as a whole
    ringing(ground, 2).call.accept()
    ringing(first, 2)
    first.until_told("cancel")


def test_one_gesture_calls_hangs_up_and_answers(site: Site) -> None:
    ground = site.phone("ground")
    box = box_at(site)
    box.press("bell")
    ringing(ground)
    box.press("bell")
    ground.until_told("cancel")
    box.until_calm()
    ground.dial()
    box.until_shows("ringing")
    box.press("bell")
    box.until_shows("in_call")
    ground.until_told("accept")
    box.press("bell")
    ground.until_told("disconnect")
    box.until_calm()


def test_a_bell_that_is_pressed_again_too_soon_is_refused_and_heard(site: Site) -> None:
    ground = site.phone("ground")
    box = box_at(site)
    box.press("calm")
    ringing(ground)
    box.press("hangup")
    box.until_calm()
    box.press("calm")
    box.until_told("not possible calm was called a moment ago")
    box.until(lambda: box.ear.loudness() > 40, "heard that it was refused")
    assert sum(told.startswith("incoming") for told in ground.story) == 1


def test_digits_dial_an_entry_by_its_number_at_once_when_no_other_begins_so(site: Site) -> None:
    first = site.phone("first")
    box = box_at(site)
    box.act("d1")
    box.act("d2")
    ringing(first)
    assert "bell Miller" in box.story
    first.call.accept()
    box.until_shows("in_call")
    first.until(lambda: first.call.status() == "open", "talking")
    digits: list[str] = []
    first.call.on("digit", lambda digit: (digits.append(digit), first.tell()))
    box.press("d7")  # in a call it is a key of a phone
    first.until(lambda: digits == ["7"], "heard the digit")
    assert not any(char.isdigit() for told in box.story if told.startswith(("action", "bell")) for char in told)


def test_digits_are_dialled_by_dial_or_after_a_pause_and_forgotten_by_clear(site: Site) -> None:
    ground = site.phone("ground")
    box = box_at(site)
    box.act("d1")
    box.act("clear")
    box.act("dial")
    box.until_told("not possible no digit was typed")
    box.act("d1")
    box.act("dial")
    ringing(ground)
    box.press("hangup")
    box.until_calm()
    box.kiosk.digits.use(ENTRIES, KeypadSettings(pause_s=0.5))
    box.act("d1")
    ringing(ground, 2)


def test_a_number_that_nobody_has_is_refused_and_heard(site: Site) -> None:
    box = box_at(site)
    box.act("d7")
    box.until_told("not possible no entry of the directory")
    assert box.kiosk.lines.current is None


def test_a_button_without_a_label_has_that_of_whom_it_calls(site: Site) -> None:
    config = site.config(buttons={"top": button(2, short="bell:twelve")}, directory=ENTRIES)
    box = site.box(config)
    assert box.status["buttons"][0]["label"] == "Miller"
    labelled = replace(config, buttons={"top": replace(button(2, short="bell:twelve"), label="Top")})
    box.kiosk.panel.wire(labelled.buttons, labelled.lights)
    assert box.status["buttons"][0]["label"] == "Top"


def test_another_directory_is_taken_while_the_box_runs(site: Site) -> None:
    first = site.phone("first")
    box = box_at(site)
    changed = replace(box.kiosk.config, directory={"house": DirectoryEntry(("first",)), "one": ENTRIES["one"]},
                      keypad=KeypadSettings(pause_s=2))  # fmt: skip

    class InMemory:
        def load(self) -> object:
            return changed

    taken = Reload(box.kiosk, InMemory(), lambda: None).now()  # type: ignore[arg-type]
    assert taken == {"applied": ["directory", "keypad.pause_s"], "waits": []}
    box.press("house")
    ringing(first)
    assert "dialling first" in box.story


def test_a_pbx_rings_one_after_the_other(tmp_path: Path) -> None:
    pbx = Pbx(tmp_path)
    try:
        desk = pbx.phone("desk")
        entries = {"house": DirectoryEntry(("nobody", "desk"), ring_s=60)}
        box = pbx.box(replace(pbx.config(), directory=entries, buttons={"bell": button(2, short="bell:house")}))
        box.press("bell")
        desk.until_told("incoming")
        desk.calls[0].reject()
        box.until_calm()
        assert [call["peer"] for call in box.status["recent_calls"]] == ["desk", "nobody"]
        box.press("bell")
        desk.until_told("incoming", 2)
        desk.calls[-1].accept()
        box.until_shows("in_call")
    finally:
        pbx.close()

"""The door: opened by button, by a dialled code and by the page; locked against guessing; shut whatever happens."""

from __future__ import annotations

import base64
import re
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from geventhttpclient import HTTPClient

from agent.config import DoorSection
from tests.kiosk.stage import BOX_HZ, BUTTONS, DOOR_PIN, Box, Phone, Site


@pytest.fixture
def call(box: Box, visitor: Phone) -> Phone:
    """The visitor, in a call with the box."""
    visitor.dial()
    box.until_shows("ringing")
    box.press("accept")
    box.until_shows("in_call")
    visitor.until_told("accept")
    return visitor


def is_released(box: Box) -> bool:
    """Whether the relay's pin is driven."""
    return bool(box.kiosk.pins.raw(DOOR_PIN).state)


def test_a_button_opens_the_door_for_its_time(box: Box) -> None:
    box.press("door")

    box.until_shows("door_open")
    assert is_released(box)
    box.until_told("door closed")
    box.until_calm()
    assert not is_released(box)


def test_the_code_that_the_far_end_dials_opens_the_door(box: Box, call: Phone) -> None:
    call.call.send_digits("1234")

    box.until_told("door open")


def test_the_code_may_be_corrected_and_ended(box: Box, call: Phone) -> None:
    call.call.send_digits("12*1234#")

    box.until_told("door open")


def test_half_a_code_of_one_call_is_nothing_in_the_next(box: Box) -> None:
    doorway, one, other = box.kiosk.doorway, object(), object()
    for digit, call in (("1", one), ("2", one), ("3", other), ("4", other)):
        doorway.digit(digit, call)
    assert not doorway.is_open

    for digit in "*1234":
        doorway.digit(digit, other)

    box.until_shows("door_open")


def test_wrong_codes_are_refused_and_lock_the_door(box: Box, call: Phone) -> None:
    call.call.send_digits("99#")
    box.until_told("door code wrong")
    assert box.status["door"] == {"open": False, "locked": False}

    call.call.send_digits("8888")
    box.until_told("door code wrong", times=2)
    call.call.send_digits("1234")
    box.until_told("door code locked")

    assert box.status["door"] == {"open": False, "locked": True}
    assert "door open" not in box.story


def test_the_lock_out_does_not_bind_those_at_the_box(box: Box, call: Phone) -> None:
    call.call.send_digits("8888w9999")
    box.until_told("door code wrong", times=2)

    box.press("door")

    box.until_shows("door_open")


GRANTED_HZ, REFUSED_HZ = 1568, 277


def test_the_caller_hears_that_the_code_was_right(box: Box, call: Phone) -> None:
    call.call.send_digits("1234#")

    call.until_hears(GRANTED_HZ, BOX_HZ)
    box.until_told("door closed")
    assert "door code" not in " ".join(box.story)


@pytest.mark.parametrize(("digits", "verdict"), [("91234#", "wrong"), ("12#", "wrong"), ("8888w9999w1234#", "locked")])
def test_the_caller_hears_that_a_code_was_wrong_or_came_too_late(
    box: Box, call: Phone, digits: str, verdict: str
) -> None:
    call.call.send_digits(digits)

    box.until_told(f"door code {verdict}")
    call.until_hears(REFUSED_HZ, BOX_HZ)
    assert "door open" not in box.story


def test_the_caller_hears_the_answer_while_the_box_is_muted_and_nothing_else_of_it(box: Box, call: Phone) -> None:
    box.press("mute")
    box.until_shows("muted")
    call.until_quiet()

    call.call.send_digits("1234")

    call.until_hears(GRANTED_HZ)
    call.until_quiet()
    assert "muted" in box.states


def test_a_right_code_that_opens_nothing_is_heard_as_refused_and_shown(
    box: Box, call: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stuck(value: bool) -> bool:
        raise OSError("the chip is gone")

    monkeypatch.setattr(box.kiosk.pins.raw(DOOR_PIN), "_change_state", stuck)
    call.call.send_digits("1234")

    box.until_shows("error")
    call.until_hears(REFUSED_HZ, BOX_HZ)
    assert "the door was not released" in box.status["troubles"]["door"]


def test_one_slip_of_the_finger_is_one_try_of_two(box: Box, call: Phone) -> None:
    call.call.send_digits("91234#")
    box.until_told("door code wrong")

    call.call.send_digits("1234#")

    box.until_told("door open")


def test_half_a_code_of_an_earlier_call_does_not_count(box: Box, call: Phone) -> None:
    call.call.send_digits("12")
    box.until(lambda: box.kiosk.doorway._code._entry == "12", "half a code")
    call.call.disconnect()
    box.until_calm()
    call.dial()
    box.until_shows("ringing")
    box.press("accept")
    call.until_told("accept", times=2)

    call.call.send_digits("34#")

    box.until_told("door code wrong")


def test_no_digit_is_logged_or_told(box: Box, call: Phone, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", logger="agent.kiosk")
    call.call.send_digits("8888")
    box.until_told("door code wrong")

    told = caplog.text + str(box.story) + str(box.status)
    assert not re.search(r"(?<!\d)8888(?!\d)", told)  # within a longer number, such as a time, it is nobody's code


def ask_page(box: Box, method: str, path: str, password: str = "") -> int:
    """Ask the box's page as its script does; the status of the answer."""
    assert box.kiosk.page.served.wait(10)
    port = int(box.kiosk.page.url.rstrip("/").rpartition(":")[2])
    headers = {"X-Kiosk-Panel": "1"}
    if password:
        headers["Authorization"] = "Basic " + base64.b64encode(f":{password}".encode()).decode()
    return int(HTTPClient("127.0.0.1", port).request(method, path, headers=headers).status_code)


def test_the_page_opens_the_door_for_whoever_may_read_its_key(site: Site) -> None:
    config = site.config()
    box = site.box(replace(config, page=replace(config.page, enabled=True, listen="127.0.0.1:0")))
    assert box.kiosk.page.served.wait(10)
    key_file = Path(box.kiosk.page.describe()["key_file"])

    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert ask_page(box, "POST", "/door", key_file.read_text().strip()) == 204
    box.until_told("door open")


@pytest.mark.parametrize(("method", "path"), [("POST", "/door"), ("POST", "/press/door"), ("GET", "/status"),
                                              ("GET", "/events"), ("GET", "/")])  # fmt: skip
def test_other_users_of_this_machine_do_not_open_the_door_by_its_page(site: Site, method: str, path: str) -> None:
    config = site.config()
    box = site.box(replace(config, page=replace(config.page, enabled=True, listen="127.0.0.1:0")))

    assert ask_page(box, method, path) == 401
    assert "door open" not in box.story


def test_a_page_with_a_password_or_without_a_door_makes_no_key(site: Site) -> None:
    config = site.config()
    page = replace(config.page, enabled=True, listen="127.0.0.1:0")
    first = site.box(replace(config, page=replace(page, password="correct horse")))
    assert ask_page(first, "POST", "/door", "correct horse") == 204
    assert first.kiosk.page.describe()["key_file"] == ""
    first.kiosk.stop()

    second = site.box(replace(config, page=page, door=DoorSection()))
    assert ask_page(second, "GET", "/status") == 200


def test_a_box_without_a_relay_says_that_it_has_no_door(site: Site) -> None:
    box = site.box(replace(site.config(), door=DoorSection()))

    box.press("door")

    box.until_told("not possible this box has no door")
    assert box.status["door"] is None


def test_the_relay_is_released_when_the_program_ends(site: Site) -> None:
    box = site.box(replace(site.config(), buttons=BUTTONS, door=DoorSection(pin=DOOR_PIN, open_ms=30_000)))
    box.press("door")
    box.until_shows("door_open")
    relay = box.kiosk.pins.raw(DOOR_PIN)
    levels: list[bool] = []
    drive = relay._change_state

    def note(value: bool) -> bool:
        levels.append(bool(value))
        return bool(drive(value))

    relay._change_state = note
    box.kiosk.stop()

    assert levels[-1:] == [False]

"""Each action of a button does what its name says, in real calls."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.kiosk.stage import BOX_HZ, BUTTONS, VISITOR_HZ, Box, Phone, Site, button


def talk(box: Box, visitor: Phone) -> None:
    """The visitor calls, the box accepts."""
    visitor.dial()
    box.until_shows("ringing")
    box.press("accept")
    box.until_shows("in_call")
    visitor.until_told("accept")


def test_accept_takes_a_call_and_both_hear_each_other(box: Box, visitor: Phone) -> None:
    talk(box, visitor)

    box.until_hears(VISITOR_HZ)
    visitor.until_hears(BOX_HZ)


def test_reject_tells_the_caller(box: Box, visitor: Phone) -> None:
    visitor.dial()
    box.until_shows("ringing")

    box.press("reject")

    visitor.until_told("error 31603")
    box.until_calm()
    assert box.last_call["outcome"] == "rejected"


def test_ignore_stops_the_ringing_here_and_not_elsewhere(site: Site, box: Box, visitor: Phone) -> None:
    elsewhere = site.phone("box")
    visitor.dial()
    box.until_shows("ringing")
    elsewhere.until_told("incoming")

    box.press("ignore")
    box.until_calm()
    elsewhere.call.accept()

    visitor.until_told("accept")
    assert box.last_call["outcome"] == "ignored"


def test_hang_up_ends_the_call_that_is_on(box: Box, visitor: Phone) -> None:
    talk(box, visitor)

    box.press("hangup")

    visitor.until_told("disconnect")
    box.until_calm()
    assert box.last_call["outcome"] == "answered"


def test_hang_up_refuses_a_call_that_rings(box: Box, visitor: Phone) -> None:
    visitor.dial()
    box.until_shows("ringing")

    box.press("hangup")

    visitor.until_told("error 31603")


def test_hang_up_ends_a_call_that_is_being_dialled(site: Site, box: Box, visitor: Phone) -> None:
    box.press("call")
    visitor.until_told("incoming")
    box.until_shows("dialling")

    box.press("hangup")

    visitor.until_told("cancel")
    box.until_calm()
    assert box.last_call["outcome"] == "given up"


def test_the_only_button_answers_and_then_hangs_up(box: Box, visitor: Phone) -> None:
    visitor.dial()
    box.until_shows("ringing")
    box.press("only")
    visitor.until_told("accept")
    box.until_shows("in_call")

    box.press("only")

    visitor.until_told("disconnect")


def test_mute_closes_the_microphone_and_opens_it_again(box: Box, visitor: Phone) -> None:
    talk(box, visitor)
    visitor.until_hears(BOX_HZ)

    box.press("mute")
    box.until_shows("muted")
    visitor.until_quiet()

    box.press("mute")
    box.until(lambda: "muted" not in box.states, "open again")
    visitor.until_hears(BOX_HZ)


def test_call_dials_whom_the_button_says_with_its_parameters(box: Box, visitor: Phone) -> None:
    box.press("call")
    visitor.until_told("incoming client:box")
    box.until_shows("dialling")
    assert visitor.call.custom_parameters == {"room": "lobby"}

    visitor.call.accept()
    box.until_shows("in_call")
    box.until_hears(VISITOR_HZ)
    visitor.until_hears(BOX_HZ)


def test_redial_calls_the_same_again(box: Box, visitor: Phone) -> None:
    box.press("call")
    visitor.until_told("incoming")
    visitor.call.reject()
    box.until_calm()

    box.press("redial")

    visitor.until_told("incoming", times=2)
    assert visitor.call.custom_parameters == {"room": "lobby"}


@pytest.fixture
def talking_box(site: Site) -> Box:
    buttons = {**BUTTONS, "talk": button(22, press="push_to_talk")}
    return site.box(replace(site.config(), buttons=buttons))


@pytest.mark.parametrize("calls", ["box", "visitor"])
def test_push_to_talk_opens_the_microphone_while_it_is_down(talking_box: Box, visitor: Phone, calls: str) -> None:
    box = talking_box
    if calls == "visitor":
        talk(box, visitor)
    else:
        box.press("call")
        visitor.until_told("incoming")
        visitor.call.accept()
    box.until_shows("in_call", "muted")
    box.until_hears(VISITOR_HZ)
    assert not visitor.ear.hears(BOX_HZ)

    box.press("talk", hold_s=20)
    visitor.until_hears(BOX_HZ)
    assert "muted" not in box.states

    box.press("talk", hold_s=0)
    box.until_shows("muted")
    visitor.until_quiet()


def test_a_push_before_the_call_counts_when_the_call_begins(talking_box: Box, visitor: Phone) -> None:
    talking_box.press("talk", hold_s=20)
    talking_box.until_told("action push_to_talk")

    talk(talking_box, visitor)

    visitor.until_hears(BOX_HZ)
    assert "muted" not in talking_box.states


def test_the_volume_buttons_go_in_steps_between_the_limits(box: Box) -> None:
    box.act("down")
    assert box.status["volume_percent"] == 90

    box.act("up")
    box.act("up")
    assert box.status["volume_percent"] == 100


def test_the_volume_changes_what_is_heard(box: Box, visitor: Phone) -> None:
    talk(box, visitor)
    box.until(lambda: box.ear.hears(VISITOR_HZ), "heard the visitor in this moment")
    loud = box.ear.loudness()

    box.kiosk.box.set_volume(50)

    box.until(lambda: box.ear.hears(VISITOR_HZ) and box.ear.loudness() < 0.35 * loud, "softer")


def test_do_not_disturb_refuses_calls_until_it_is_pressed_again(box: Box, visitor: Phone) -> None:
    box.press("quiet")
    box.until_shows("do_not_disturb")
    visitor.dial()
    visitor.until_told("error 31603")

    box.press("quiet")
    box.until_calm()
    visitor.dial()
    box.until_shows("ringing")


def test_do_not_disturb_refuses_what_rings_now(box: Box, visitor: Phone) -> None:
    visitor.dial()
    box.until_shows("ringing")

    box.press("quiet")

    visitor.until_told("error 31603")
    box.until(lambda: box.states == {"ready", "do_not_disturb"}, "quiet")


def test_feedback_is_about_the_last_call(box: Box, visitor: Phone) -> None:
    talk(box, visitor)
    visitor.call.disconnect()
    box.until_calm()

    box.press("bad")

    box.until_told("feedback 2")


@pytest.mark.parametrize("name", ["accept", "reject", "ignore", "hangup", "only", "mute", "redial", "good"])
def test_what_makes_no_sense_now_is_told_and_changes_nothing(box: Box, name: str) -> None:
    box.act(name)

    box.until_told("not possible")
    assert box.states == {"ready"}


def test_a_call_button_does_nothing_during_a_call(box: Box, visitor: Phone) -> None:
    talk(box, visitor)

    box.act("call")

    box.until_told("not possible")
    assert visitor.call.status() == "open"


@pytest.mark.real_time
def test_the_call_is_described_with_its_quality(box: Box, visitor: Phone) -> None:
    assert box.status["call"] is None

    talk(box, visitor)
    box.until(lambda: (box.status["call"] or {}).get("mos"), "measured the call")

    call = box.status["call"]
    assert (call["direction"], call["peer"], call["status"]) == ("incoming", "client:visitor", "open")
    assert call["codec"] == "opus"
    assert call["mos"] > 4
    assert call["loss_percent"] < 50
    assert call["rtt_ms"] < 1000

"""A press that calls while a call comes: nobody is dropped, and two who dial each other talk."""

from __future__ import annotations

from dataclasses import replace

import gevent
import pytest

from agent.errors import InvalidStateError
from agent.kiosk.answering import crosses, crossing_wait_s
from tests.kiosk.stage import BOX_HZ, BUTTONS, VISITOR_HZ, Box, Phone, Site, button

CALLING = {**BUTTONS, "other": button(22, short="call:echo"), "long": button(23, press="call:nobody")}


def ruled(site: Site, **answering: object) -> Box:
    config = site.config(buttons=CALLING)
    return site.box(replace(config, answering=replace(config.answering, **answering)))  # type: ignore[arg-type]


def until_they_talk(box: Box, visitor: Phone) -> None:
    box.until_hears(VISITOR_HZ)
    visitor.until_hears(BOX_HZ)
    box.until(lambda: box.states == {"ready", "in_call"}, "in one call")


@pytest.mark.parametrize("name", ["call", "other", "long", "redial"])
def test_a_press_that_calls_answers_what_rings(site: Site, visitor: Phone, name: str) -> None:
    box = ruled(site)
    visitor.dial()
    box.until_shows("ringing")

    box.press(name)

    until_they_talk(box, visitor)
    assert "dialling" not in " ".join(box.story)
    assert visitor.story.count("incoming") == 0


def test_an_impatient_second_press_changes_nothing(site: Site, visitor: Phone) -> None:
    box = ruled(site)
    visitor.dial()
    box.until_shows("ringing")

    for _ in range(3):
        box.kiosk.attendant.answer_or_call("echo")

    until_they_talk(box, visitor)


@pytest.mark.parametrize("name", ["call", "other", "redial"])
def test_the_setting_refuses_and_the_call_goes_on_ringing(site: Site, visitor: Phone, name: str) -> None:
    box = ruled(site, call_button_answers=False)
    visitor.dial()
    box.until_shows("ringing")

    box.act(name)
    box.until_told("not possible a call rings")

    assert "dialling" not in " ".join(box.story)
    box.press("accept")
    until_they_talk(box, visitor)


def test_a_press_in_the_moment_before_the_ring_answers_too(site: Site, visitor: Phone) -> None:
    box = ruled(site)
    presses: list[str] = []

    def press_when_the_device_knows_and_nobody_was_told() -> None:
        while not box.kiosk.device.connections:
            gevent.sleep(0)
        presses.append(" ".join(box.story))
        box.kiosk.attendant.answer_or_call("echo")

    pressing = gevent.spawn(press_when_the_device_knows_and_nobody_was_told)
    visitor.dial()
    pressing.get(timeout=20)

    until_they_talk(box, visitor)
    assert "incoming" not in presses[0]
    assert box.story.count("incoming client:visitor") == 1


def test_in_do_not_disturb_a_press_calls(site: Site, visitor: Phone) -> None:
    box = ruled(site, do_not_disturb=True)
    visitor.dial()
    visitor.until_told("error 31603")

    box.press("other")

    box.until_shows("in_call")


@pytest.mark.parametrize("busy_calls", ["ignore", "ring"])
def test_during_a_call_a_press_that_calls_ends_nothing(site: Site, visitor: Phone, busy_calls: str) -> None:
    box = ruled(site, busy_calls=busy_calls)
    visitor.dial()
    box.until_shows("ringing")
    box.press("accept")
    box.until_shows("in_call")
    other = site.phone("other")
    other.dial()
    other.until_told("ringing")

    box.act("call")

    box.until_told("not possible")
    assert (visitor.call.status(), other.call.status()) == ("open", "ringing")


def neighbours(site: Site, *names: str) -> list[Box]:
    """Boxes, each with a button for the other one."""
    boxes = []
    for name, whom in zip(names, reversed(names), strict=True):
        config = site.config(buttons={"call": button(2, short=f"call:{whom}"), "only": button(3, short="hang_up")})
        service = replace(config.service, control_socket=str(site.folder / "run" / f"{name}.sock"))
        boxes.append(site.box(replace(config, box=replace(config.box, identity=name), service=service)))
    return boxes


@pytest.mark.parametrize("names", [("attic", "cellar"), ("cellar", "attic")])
def test_two_boxes_that_dial_each_other_talk(site: Site, names: tuple[str, str]) -> None:
    first, second = neighbours(site, *names)

    first.kiosk.attendant.answer_or_call(names[1])
    second.kiosk.attendant.answer_or_call(names[0])

    for box in (first, second):
        box.until(lambda box=box: box.states == {"ready", "in_call"}, "in one call")
        box.until_hears(BOX_HZ)
    first.press("only")
    for box in (first, second):
        box.until_calm()
        assert [call["outcome"] for call in box.status["recent_calls"]] == ["answered"]


@pytest.mark.parametrize("presses_at_once", [True, False])
def test_two_boxes_whose_buttons_are_pressed_at_one_time_talk(site: Site, presses_at_once: bool) -> None:
    first, second = neighbours(site, "attic", "cellar")

    first.press("call")
    if not presses_at_once:
        first.until_shows("dialling")
    second.press("call")

    for box in (first, second):
        box.until(lambda box=box: box.states == {"ready", "in_call"}, "in one call")


def presses_at(box: Box, moments: str, action: str) -> None:
    """Let somebody who has heard a ring press a button of the box at each of these moments."""
    rang: list[str] = []

    def press(moment: str, _detail: object) -> None:
        rang.extend([moment] * (moment == "incoming"))
        if rang and moment in moments.split():
            try:
                getattr(box.kiosk.attendant, action)()
            except InvalidStateError as error:
                box.tell("not possible", error)

    box.kiosk.on("moment", press)


@pytest.mark.parametrize("names", [("attic", "cellar"), ("cellar", "attic")])
@pytest.mark.parametrize(
    ("action", "moments"),
    [
        ("accept", "incoming"),
        ("accept", "ringing incoming accept cancel disconnect"),
        ("answer_or_hang_up", "incoming accept cancel disconnect"),
    ],
)
def test_presses_that_answer_do_not_part_two_boxes_that_dial_each_other(
    site: Site, names: tuple[str, str], action: str, moments: str
) -> None:
    first, second = neighbours(site, *names)
    for box in (first, second):
        presses_at(box, moments, action)

    first.kiosk.attendant.answer_or_call(names[1])
    second.kiosk.attendant.answer_or_call(names[0])

    for box in (first, second):
        box.until(lambda box=box: box.states == {"ready", "in_call"}, "in one call")
        box.until_hears(BOX_HZ)


@pytest.mark.parametrize("name", ["alice", "zoe"])
def test_a_phone_that_answers_while_the_box_is_pressed_to_answer_it_talks(site: Site, name: str) -> None:
    box, phone = ruled(site), site.phone(name)
    presses_at(box, "incoming accept cancel", "accept")
    phone.device.on("incoming", lambda call: call.accept())

    phone.dial()
    box.kiosk.attendant.call(name)

    phone.until_hears(BOX_HZ)
    box.until(lambda: box.states == {"ready", "in_call"}, "in one call")


def test_whoever_hangs_up_while_two_calls_cross_is_left_alone(site: Site) -> None:
    box, phone = ruled(site), site.phone("alice")
    box.kiosk.attendant.call("alice")
    phone.dial()
    box.until_told("incoming")

    box.kiosk.attendant.hang_up()

    box.until_calm()
    phone.until(lambda: phone.call.status() == "closed", "over")
    assert "accept" not in " ".join(box.story)


@pytest.mark.parametrize("action", ["accept", "answer_or_hang_up"])
def test_of_two_who_ring_an_impatient_finger_takes_one(site: Site, visitor: Phone, action: str) -> None:
    box, other = ruled(site, busy_calls="ring"), site.phone("other")
    visitor.dial()
    box.until_told("incoming client:visitor")
    other.dial()
    box.until_told("incoming client:other")
    presses_at(box, "accept", action)

    for _ in range(3):
        getattr(box.kiosk.attendant, action)()

    box.until_hears(VISITOR_HZ)
    visitor.until_told("accept")
    assert other.call.status() == "ringing"


def test_a_press_that_comes_just_after_the_box_answered_by_itself_ends_nothing(site: Site, visitor: Phone) -> None:
    box = ruled(site, auto_answer=("client:visitor",), auto_answer_delay_ms=0)
    presses_at(box, "accept", "answer_or_hang_up")

    visitor.dial()

    box.until_hears(VISITOR_HZ)
    visitor.until_hears(BOX_HZ)


@pytest.mark.parametrize("name", ["alice", "zoe"])
def test_a_phone_that_is_dialled_while_it_dials_is_answered(site: Site, name: str) -> None:
    box, phone = ruled(site), site.phone(name)

    box.kiosk.attendant.call(name)
    phone.dial()

    phone.until_told("accept")
    phone.until_hears(BOX_HZ)
    box.until(lambda: box.states == {"ready", "in_call"}, "in one call")


def test_a_third_caller_does_not_come_between(site: Site, visitor: Phone) -> None:
    box, third = ruled(site), site.phone("third")
    box.press("call")
    visitor.until_told("incoming")

    third.dial()
    third.until_told("ringing")
    visitor.call.accept()

    until_they_talk(box, visitor)
    assert third.call.status() == "ringing"


@pytest.mark.parametrize(
    ("dialled", "caller", "ourselves", "whether"),
    [
        ("attic", "client:attic", "cellar", True),
        ("client:attic", "client:attic", "cellar", True),
        ("+49301", "+49301", "cellar", True),
        ("attic", "client:cellar", "kitchen", False),
        ("attic", "client:attic", "attic", False),
        ("client:attic", "client:attic", "attic", False),
    ],
)
def test_calls_cross_when_the_caller_is_the_one_dialled(
    dialled: str, caller: str, ourselves: str, whether: bool
) -> None:
    assert crosses(dialled, caller, ourselves) is whether


def test_of_two_who_dial_each_other_exactly_one_waits() -> None:
    assert {crossing_wait_s("a", "client:b") > 0, crossing_wait_s("b", "client:a") > 0} == {True, False}

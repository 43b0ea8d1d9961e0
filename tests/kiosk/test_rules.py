"""What the box does about calls that nobody touches."""

from __future__ import annotations

from dataclasses import replace

from tests.kiosk.stage import BOX_HZ, VISITOR_HZ, Box, Phone, Site


def ruled(site: Site, **answering: object) -> Box:
    """A box with these rules of [answering]."""
    config = site.config()
    return site.box(replace(config, answering=replace(config.answering, **answering)))  # type: ignore[arg-type]


def test_a_listed_caller_is_answered_without_a_button(site: Site, visitor: Phone) -> None:
    box = ruled(site, auto_answer=("client:visitor",), auto_answer_delay_ms=50)

    visitor.dial()

    box.until_shows("in_call")
    visitor.until_hears(BOX_HZ)
    box.until_hears(VISITOR_HZ)


def test_a_call_that_was_ended_before_it_answers_itself_stays_ended(site: Site, visitor: Phone) -> None:
    box = ruled(site, auto_answer=("*",), auto_answer_delay_ms=300)
    visitor.dial()
    box.until_shows("ringing")

    box.press("reject")

    visitor.until_told("error 31603")
    box.until_calm()
    assert "accept" not in " ".join(box.story)


def test_of_two_calls_only_one_answers_itself(site: Site, visitor: Phone) -> None:
    box = ruled(site, auto_answer=("*",), auto_answer_delay_ms=200, busy_calls="ring")
    other = site.phone("other")

    visitor.dial()
    other.dial()  # it may arrive later than the first one is answered
    visitor.until_told("accept")
    other.until_told("ringing")
    box.until_shows("in_call", "ringing")
    other.call.disconnect()

    box.until(lambda: box.states == {"ready", "in_call"}, "one call only")
    assert visitor.call.status() == "open"


def test_nobody_rings_for_ever(site: Site, visitor: Phone) -> None:
    box = ruled(site, max_ring_s=0.3)

    visitor.dial()
    box.until_told("incoming")
    visitor.until_told("ringing")

    box.until_calm()
    assert box.last_call["outcome"] == "missed"
    assert visitor.call.status() == "ringing"  # it may ring elsewhere


def test_nobody_is_rung_for_ever(site: Site, visitor: Phone) -> None:
    box = ruled(site, max_ring_s=0.3)

    box.press("call")
    visitor.until_told("incoming")

    visitor.until_told("cancel")
    box.until_calm()


def test_the_limit_of_ringing_does_not_end_a_call_that_stands(site: Site, visitor: Phone) -> None:
    box = ruled(site, max_ring_s=0.5)
    visitor.dial()
    box.until_shows("ringing")
    box.press("accept")
    box.until_shows("in_call")
    timers = [timer for line in (box.kiosk.lines.current,) if line for timer in line._timers]

    assert timers == []


def test_a_call_ends_when_its_time_is_up(site: Site, visitor: Phone) -> None:
    box = ruled(site, auto_answer=("*",), auto_answer_delay_ms=0, max_talk_s=0.3)

    visitor.dial()

    visitor.until_told("disconnect")
    box.until_calm()
    assert box.last_call["outcome"] == "answered"


def in_a_call(box: Box, visitor: Phone) -> None:
    visitor.dial()
    box.until_shows("ringing")
    box.press("accept")
    box.until_shows("in_call")


def test_a_second_caller_is_not_noticed_by_default(site: Site, box: Box, visitor: Phone) -> None:
    in_a_call(box, visitor)
    other = site.phone("other")

    other.dial()
    other.until_told("ringing")

    assert box.states == {"ready", "in_call"}
    assert other.call.status() == "ringing"


def test_a_second_caller_is_told_that_the_box_is_busy(site: Site, visitor: Phone) -> None:
    box = ruled(site, busy_calls="reject")
    in_a_call(box, visitor)
    other = site.phone("other")

    other.dial()

    other.until_told("error 31603")
    assert visitor.call.status() == "open"
    assert box.states == {"ready", "in_call"}


def test_a_second_caller_blinks_and_taking_the_call_ends_the_first(site: Site, visitor: Phone) -> None:
    box = ruled(site, busy_calls="ring")
    in_a_call(box, visitor)
    other = site.phone("other")
    other.dial()
    box.until_shows("in_call", "ringing")

    box.press("accept")

    visitor.until_told("disconnect")
    other.until_told("accept")
    other.until_hears(BOX_HZ)
    box.until(lambda: box.states == {"ready", "in_call"}, "one call only")


def test_a_second_caller_can_be_refused_while_the_first_talks(site: Site, visitor: Phone) -> None:
    box = ruled(site, busy_calls="ring")
    in_a_call(box, visitor)
    other = site.phone("other")
    other.dial()
    box.until_shows("in_call", "ringing")

    box.press("reject")

    other.until_told("error 31603")
    assert visitor.call.status() == "open"


def test_a_box_may_start_in_do_not_disturb_and_leave_the_call_to_others(site: Site, visitor: Phone) -> None:
    box = ruled(site, do_not_disturb=True, disturbing_calls="ignore")
    elsewhere = site.phone("box")

    visitor.dial()
    elsewhere.until_told("incoming")
    elsewhere.call.accept()

    visitor.until_told("accept")
    assert box.states == {"ready", "do_not_disturb"}
    assert box.last_call["outcome"] == "ignored"


def test_of_a_call_taken_and_one_made_in_the_same_moment_one_remains(box: Box, visitor: Phone) -> None:
    visitor.dial()
    box.until_shows("ringing")

    box.kiosk.attendant.accept()
    box.kiosk.attendant.call("echo")

    box.until_told("accept")
    box.until_told("disconnect")
    box.until(lambda: box.states == {"ready", "in_call"}, "in one call")
    box.press("hangup")
    box.until_calm()
    visitor.until_told("disconnect")

"""Nobody waits in silence: what comes to nothing, what takes time and what ends soon is heard."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from agent.kiosk.answering import warning_s
from hw.sound import tones
from hw.sound.frame import RATE_HZ
from tests.kiosk.stage import BOX_HZ, BUSY_US_HZ, BUTTONS, UNREACHABLE_HZ, VISITOR_HZ, Box, Phone, Site, button

REFUSED_HZ, SOON_OVER_HZ, WORKING_HZ = 277, 1760, 880
RINGBACK_US_HZ = (440, 480)


def ruled(site: Site, buttons: object = BUTTONS, **answering: object) -> Box:
    config = site.config(buttons=buttons)
    return site.box(replace(config, answering=replace(config.answering, **answering)))  # type: ignore[arg-type]


def talk(box: Box, visitor: Phone) -> None:
    visitor.dial()
    box.until_shows("ringing")
    box.press("accept")
    box.until_shows("in_call")
    visitor.until_told("accept")


# --- what comes to nothing ---


def test_when_nobody_answers_the_busy_tone_is_heard(site: Site, visitor: Phone) -> None:
    box = ruled(site, max_ring_s=1.0)

    box.press("call")
    box.until_hears(*RINGBACK_US_HZ)

    box.until_hears(*BUSY_US_HZ)
    box.until_calm()
    visitor.until_told("cancel")
    assert box.last_call["outcome"] == "unanswered"


def test_when_the_switchboard_gives_up_the_busy_tone_is_heard(tmp_path_factory: pytest.TempPathFactory) -> None:
    site = Site(tmp_path_factory.mktemp("short"), ring_timeout_s=1)
    try:
        site.phone()
        box = site.box()
        box.press("call")
        box.until_hears(*RINGBACK_US_HZ)

        box.until_hears(*BUSY_US_HZ)
    finally:
        site.close()


def test_a_caller_who_gives_up_while_he_is_answered_leaves_no_silence(site: Site, visitor: Phone) -> None:
    box = ruled(site)
    visitor.dial()
    box.until_shows("ringing")

    box.kiosk.attendant.accept()
    box.kiosk.lines.waiting.lines[0].connection.inbox.on_cancel()

    box.until_hears(*BUSY_US_HZ)


@pytest.mark.parametrize("ends", ["hangup", "only"])
def test_whoever_ends_it_himself_hears_nothing_more(site: Site, visitor: Phone, ends: str) -> None:
    box = ruled(site)
    box.press("call")
    box.until_hears(*RINGBACK_US_HZ)

    box.press(ends)

    box.until_calm()
    box.until_quiet()
    assert box.last_call["outcome"] == "given up"


# --- presses that do nothing ---


@pytest.mark.parametrize("name", ["other", "third", "redial"])
def test_another_button_while_the_first_call_rings_is_heard_and_changes_nothing(
    site: Site, visitor: Phone, name: str
) -> None:
    others = {"other": button(22, short="call:echo"), "third": button(23, press="call:nobody")}
    box = ruled(site, buttons={**BUTTONS, **others})
    box.press("call")
    visitor.until_told("incoming")
    box.until_hears(*RINGBACK_US_HZ)

    box.press(name)

    box.until_hears_any((REFUSED_HZ,), (REFUSED_HZ, *RINGBACK_US_HZ))
    visitor.call.accept()
    box.until_hears(VISITOR_HZ)
    visitor.until_hears(BOX_HZ)


@pytest.mark.parametrize("name", ["accept", "reject", "ignore", "hangup", "only", "mute", "redial", "good"])
def test_a_press_that_makes_no_sense_is_heard(box: Box, name: str) -> None:
    box.press(name)

    box.until_hears(REFUSED_HZ)
    box.until_quiet()


def test_a_call_button_during_a_call_is_heard(box: Box, visitor: Phone) -> None:
    talk(box, visitor)
    box.until_hears(VISITOR_HZ)

    box.press("call")

    box.until_hears(REFUSED_HZ, VISITOR_HZ)
    box.until_hears(VISITOR_HZ)


def test_a_door_button_without_a_door_is_heard(site: Site) -> None:
    box = site.box(site.config(door=type(site.config().door)()))

    box.press("door")

    box.until_hears(REFUSED_HZ)


# --- what ends soon ---


def test_both_are_warned_before_the_time_of_a_call_is_up(site: Site, visitor: Phone) -> None:
    box = ruled(site, max_talk_s=6.0)
    talk(box, visitor)
    box.until_hears(VISITOR_HZ)
    here, there = box.ear.listen((SOON_OVER_HZ, VISITOR_HZ)), visitor.ear.listen((SOON_OVER_HZ, BOX_HZ))

    box.until_told("soon over")

    box.until(here, "heard the warning")
    visitor.until(there, "heard the warning")
    assert visitor.call.status() == "open"
    visitor.until_told("disconnect")


@pytest.mark.parametrize(("limit_s", "before_s"), [(3600, 10), (60, 10), (20, 10), (15, 7.5), (1, 0.5)])
def test_the_warning_comes_ten_seconds_before_the_end_or_halfway(limit_s: float, before_s: float) -> None:
    assert warning_s(limit_s) == before_s


def test_a_talk_button_that_counts_as_stuck_says_so_to_both(site: Site, visitor: Phone) -> None:
    stuck = replace(button(22, press="push_to_talk"), held_ms=1000, stuck_s=2)
    box = ruled(site, buttons={**BUTTONS, "talk": stuck})
    talk(box, visitor)

    here, there = box.ear.listen((REFUSED_HZ, VISITOR_HZ)), visitor.ear.listen((REFUSED_HZ,))

    box.press("talk", hold_s=20)
    visitor.until_hears(BOX_HZ)
    box.until_shows("muted", "error")

    box.until(here, "heard the cut")
    visitor.until(there, "heard the cut")
    box.press("talk", hold_s=0)
    box.until(lambda: "error" not in box.states, "let go")
    box.press("talk", hold_s=20)
    visitor.until_hears(BOX_HZ)


def test_both_are_warned_before_a_talk_button_counts_as_stuck(site: Site, visitor: Phone) -> None:
    slow = replace(button(22, press="push_to_talk"), held_ms=1000, stuck_s=10)
    box = ruled(site, buttons={**BUTTONS, "talk": slow})
    talk(box, visitor)
    here, there = box.ear.listen((SOON_OVER_HZ, VISITOR_HZ)), visitor.ear.listen((SOON_OVER_HZ, BOX_HZ))

    box.press("talk", hold_s=30)

    box.until(here, "heard the warning")
    visitor.until(there, "heard the warning")
    assert "muted" not in box.states
    box.until_shows("muted")


def test_a_talk_button_that_is_let_go_in_time_warns_nobody(site: Site, visitor: Phone) -> None:
    warned: list[str] = []
    slow = replace(button(22, press="push_to_talk"), held_ms=1000, stuck_s=2)
    box = ruled(site, buttons={**BUTTONS, "talk": slow})
    box.kiosk.panel.on_cut_ahead = lambda: warned.append("cut ahead")
    talk(box, visitor)
    spoke: list[bool] = []
    box.kiosk.box.subscribe(lambda: spoke.append("muted" not in box.states))

    box.press("talk")
    box.until(lambda: any(spoke) and not spoke[-1], "let go of the button")
    box.press("talk", hold_s=20)
    box.until_shows("muted", "error")

    assert warned == ["cut ahead"]


def test_another_button_that_is_stuck_is_not_heard(site: Site, visitor: Phone) -> None:
    box = ruled(site, buttons={**BUTTONS, "bell": replace(button(22, short="call:echo"), held_ms=900, stuck_s=1)})
    talk(box, visitor)
    box.until_hears(VISITOR_HZ)

    box.press("bell", hold_s=20)
    box.until_shows("error")

    assert not box.ear.hears(REFUSED_HZ, VISITOR_HZ)


# --- what takes time ---


def test_a_call_that_is_dialled_while_the_service_is_away_sounds_unreachable(site: Site, box: Box) -> None:
    site.stop()
    box.until_shows("offline")

    box.press("call")

    box.until_hears(UNREACHABLE_HZ[0])


def test_a_call_of_which_nothing_is_known_yet_ticks(box: Box, visitor: Phone) -> None:
    box.kiosk.attendant.call("visitor").remove_all_listeners("ringing")

    box.until_hears(WORKING_HZ)
    visitor.call.accept()
    box.until_hears(VISITOR_HZ)
    visitor.until_hears(BOX_HZ)


def test_a_call_that_is_being_saved_ticks_until_it_is_back(box: Box, visitor: Phone) -> None:
    talk(box, visitor)
    visitor.call.mute(True)
    assert box.kiosk.lines.current is not None
    connection = box.kiosk.lines.current.connection

    connection.emit("reconnecting", None)
    box.until_hears(WORKING_HZ)
    connection.emit("reconnected")
    visitor.call.mute(False)

    box.until_hears(VISITOR_HZ)


def test_the_tick_is_soft_and_leaves_a_short_wait_silent() -> None:
    tick = np.frombuffer(tones.working(), "<i2")

    assert not tick[:RATE_HZ].any()
    assert 500 < np.abs(tick).max() < 3_000

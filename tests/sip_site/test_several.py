"""Several phones that one call of the box rings: INVITEs of their own at the edge, one call for the box."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from bench.rig import sip_trunk
from bench.rig.sip_box import SipBox, until
from bench.rig.sip_phone import SipPhone
from bench.rig.sip_site import SipSite
from bench.rig.sip_trunk import Trunk

from .test_phones import until_nothing_is_left

pytestmark = pytest.mark.sip_site

Boxes = Callable[..., SipBox]
Phones = Callable[..., SipPhone]
RINGS, TALKS, OVER = "CALL_INCOMING", "CALL_ESTABLISHED", "CALL_CLOSED"


@pytest.fixture(scope="module")
def one_edge(patient_edge: SipSite) -> Iterator[SipSite]:
    yield patient_edge


@pytest.fixture
def kiosk(box: Boxes) -> SipBox:
    return box(enable_ringing_state=True)


def talked(phone: SipPhone) -> bool:
    return TALKS in [kind for kind, _ in phone.events]


def test_one_refuses_one_answers_and_the_third_stops_ringing(kiosk: SipBox, phone: Phones, one_edge: SipSite) -> None:
    before = len(one_edge.wire())
    desk, lobby, attic = (phone(user, hz=hz, answers=False)
                          for user, hz in (("desk", 600), ("lobby", 700), ("linphone", 800)))  # fmt: skip
    call = kiosk.dial("desk,lobby,linphone", Door="front")
    for each in (desk, lobby, attic):
        each.until_event(RINGS)
    desk.hang_up()
    desk.until_event(OVER)
    assert call.status() == "ringing"
    lobby.accept()
    attic.until_event(OVER)
    kiosk.until_hears(700)
    lobby.until_hears(440)
    assert call.status() == "open"
    assert not talked(desk) and not talked(attic)

    lobby.hold()
    kiosk.until_told("hold True")
    lobby.resume()
    kiosk.until_told("hold False")
    call.send_digits("7")
    lobby.until(lambda: lobby.digits == "7", "heard the digit")
    call.disconnect()
    lobby.until_event(OVER)
    until_nothing_is_left(one_edge)
    assert kiosk.told.count("ringing False") == 1
    assert not [told for told in kiosk.told if "error" in told]
    said = [each.text for each in one_edge.wire()[before:]]
    (cancel,) = [text for text in said if text.startswith("CANCEL ")]
    assert "cause=200" in cancel and "sip:linphone@" in cancel
    assert sum(text.startswith("INVITE ") and "X-Door: front" in text for text in said) == 6  # each is challenged


def test_of_two_that_answer_at_the_same_moment_one_has_the_call(
    kiosk: SipBox, phone: Phones, one_edge: SipSite
) -> None:
    desk, lobby = phone("desk", hz=600), phone("lobby", hz=900)  # both answer at once
    call = kiosk.dial("desk,lobby")
    until(lambda: kiosk.loudest() > 0, "a sound")
    winner, loser = (desk, lobby) if kiosk.loudest() < 750 else (lobby, desk)
    winner.until_hears(440)
    loser.until_event(OVER)
    assert OVER not in [kind for kind, _ in winner.events]
    call.disconnect()
    winner.until_event(OVER)
    until_nothing_is_left(one_edge)
    assert [told for told in kiosk.told if told in ("accept", "disconnect")] == ["accept", "disconnect"]


def test_a_decline_of_one_ends_no_other_and_a_phone_of_the_trunk_stops_ringing(
    kiosk: SipBox, phone: Phones, one_edge: SipSite
) -> None:
    desk = phone("desk", hz=600, answers=False)
    with Trunk(one_edge, sip_trunk.refuses("603 Decline")) as trunk:
        call = kiosk.dial("desk,9001")
        desk.until_event(RINGS)
        trunk.until_done()
    assert call.status() in ("connecting", "ringing")
    desk.accept()
    kiosk.until_hears(600)
    call.disconnect()
    desk.until_event(OVER)
    with Trunk(one_edge, sip_trunk.rings()) as trunk:
        kiosk.dial("desk,9001")
        desk.until_event(RINGS, 2)
        until(lambda: trunk_rings(one_edge), "the trunk rings")
        desk.accept()
        trunk.until_done()
    kiosk.until_told("accept", 2)
    kiosk.device.disconnect_all()
    desk.until_event(OVER, 2)
    until_nothing_is_left(one_edge)


def trunk_rings(site: SipSite) -> bool:
    """Whether the edge has handed the latest 180 of the trunk on."""
    rings = [each.text for each in site.wire() if each.step == "<180/INVITE"]
    return len([text for text in rings if "sip:9001@" in text]) >= 2


def test_when_all_refuse_the_call_ends_without_an_error(kiosk: SipBox, phone: Phones, one_edge: SipSite) -> None:
    desk, lobby = phone("desk", answers=False), phone("lobby", answers=False)
    kiosk.dial("desk,lobby,nobody")
    for each in (desk, lobby):
        each.until_event(RINGS)
    desk.hang_up()
    desk.until_event(OVER)
    assert "disconnect" not in kiosk.told
    lobby.hang_up()
    kiosk.until_told("disconnect")
    until_nothing_is_left(one_edge)
    assert not [told for told in kiosk.told if "error" in told]


def test_hanging_up_stops_all_of_them(kiosk: SipBox, phone: Phones, one_edge: SipSite) -> None:
    desk, lobby = phone("desk", answers=False), phone("lobby", answers=False)
    call = kiosk.dial("desk,lobby")
    for each in (desk, lobby):
        each.until_event(RINGS)
    call.disconnect()
    for each in (desk, lobby):
        each.until_event(OVER)
    until_nothing_is_left(one_edge)


def test_another_box_hears_that_it_was_answered_elsewhere(
    kiosk: SipBox, box: Boxes, phone: Phones, one_edge: SipSite
) -> None:
    desk, other = phone("desk", hz=600, answers=False), box(user="web", hz=800)
    kiosk.dial("web,desk")
    until(lambda: other.incoming, "a call")
    desk.until_event(RINGS)
    desk.accept()
    other.until_told("cancel")
    assert other.incoming[-1].answered_elsewhere
    kiosk.until_hears(600)
    kiosk.device.disconnect_all()
    desk.until_event(OVER)
    desk.until_registered()
    kiosk.dial("web,desk")
    until(lambda: len(other.incoming) == 2, "a call")
    other.incoming[-1].accept()
    kiosk.until_hears(800)
    other.until_hears(440)
    desk.until_event(OVER, 2)
    kiosk.device.disconnect_all()
    other.until_told("disconnect")
    until_nothing_is_left(one_edge)

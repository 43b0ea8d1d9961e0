"""The box itself at a site: its Device calls plain phones and is called, through the edge and the media engine."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench.rig import sip_trunk
from bench.rig.sip_box import SipBox, until
from bench.rig.sip_phone import SipPhone
from bench.rig.sip_site import SipSite
from bench.rig.sip_trunk import Trunk

from .test_phones import until_nothing_is_left

pytestmark = pytest.mark.sip_site


def test_the_box_calls_a_phone_and_both_hear(
    one_edge: SipSite, box: Callable[..., SipBox], phone: Callable[..., SipPhone]
) -> None:
    kiosk, desk = box(), phone("desk", hz=700)
    call = kiosk.dial("desk", Door="front")
    until(lambda: call.status() == "open")
    kiosk.until_hears(700)
    desk.until_hears(440)
    call.send_digits("12#")
    desk.until(lambda: desk.digits == "12#", "heard the digits")
    desk.press("5")
    until(lambda: "digit 5" in kiosk.told)
    call.disconnect()
    desk.until_event("CALL_CLOSED")
    until_nothing_is_left(one_edge)
    assert not [told for told in kiosk.told if "error" in told]


def test_a_phone_calls_the_box_holds_it_and_hangs_up(
    one_edge: SipSite, box: Callable[..., SipBox], phone: Callable[..., SipPhone]
) -> None:
    kiosk, desk = box(), phone("desk", hz=700)
    desk.dial("box")
    call = kiosk.next_call()
    call.accept()
    until(lambda: call.status() == "open")
    kiosk.until_hears(700)
    desk.until_hears(440)
    desk.hold()
    until(lambda: "hold True" in kiosk.told)
    desk.resume()
    until(lambda: "hold False" in kiosk.told)
    kiosk.until_hears(700)
    call.send_digits("7")  # the phone writes down no more sound after a hold
    desk.until(lambda: desk.digits == "7", "heard the digit")
    desk.hang_up()
    until(lambda: call.status() == "closed")
    assert kiosk.told[-1] == "disconnect"
    until_nothing_is_left(one_edge)


def test_a_call_that_is_not_taken(
    one_edge: SipSite, box: Callable[..., SipBox], phone: Callable[..., SipPhone]
) -> None:
    kiosk, desk, lobby = box(), phone("desk"), phone("lobby", hz=500)
    desk.dial("box")
    kiosk.next_call().reject()
    desk.until_event("CALL_CLOSED")
    assert ("CALL_CLOSED", "603 Decline") in desk.events
    desk.dial("box")
    call = kiosk.next_call()
    desk.hang_up()
    until(lambda: call.status() == "closed")
    assert kiosk.told[-1] == "cancel"
    desk.dial("box")
    kiosk.next_call().accept()
    desk.until_event("CALL_ESTABLISHED")
    lobby.dial("box")
    lobby.until_event("CALL_CLOSED")
    assert ("CALL_CLOSED", "486 Busy Here") in lobby.events
    kiosk.device.disconnect_all()
    until_nothing_is_left(one_edge)


def test_an_edge_that_starts_again_costs_no_call(
    one_edge: SipSite, box: Callable[..., SipBox], phone: Callable[..., SipPhone]
) -> None:
    kiosk, desk = box(), phone("desk", hz=700)
    call = kiosk.dial("desk")
    until(lambda: call.status() == "open")
    one_edge.kill("edge1")
    until(lambda: "transportClose" in kiosk.told)
    kiosk.until_hears(700)
    one_edge.start("edge1")
    stream = kiosk.device.stream
    assert stream is not None
    until(lambda: stream.status == "ready")
    kiosk.until_hears(700)
    desk.until_hears(440)
    assert call.status() == "open"
    call.disconnect()
    desk.until_event("CALL_CLOSED")


def test_nobody_is_there(one_edge: SipSite, box: Callable[..., SipBox]) -> None:
    kiosk = box()
    call = kiosk.dial("nobody")
    until(lambda: call.status() == "closed")

    assert kiosk.told[-1] == "disconnect"
    until_nothing_is_left(one_edge)


def test_who_calls_without_an_offer_is_offered_our_sound_and_both_ways_work(
    one_edge: SipSite, box: Callable[..., SipBox]
) -> None:
    kiosk, before = box(hz=440), len(one_edge.wire())
    kiosk.device.on("incoming", lambda call: call.accept())
    with Trunk(one_edge, sip_trunk.calls_without_offer("box", talk_ms=8000), 1, "-l", "1", "-rtp_echo") as trunk:
        kiosk.until_told("accept")
        kiosk.until_hears(440)  # our own tone: what arrives at the trunk goes back from there
        until(lambda: [each.step for each in one_edge.wire()[before:]].count("<ACK") == 2, "the second time")
        kiosk.until_hears(440)
        trunk.until_done()
    kiosk.until_told("disconnect")
    assert not [told for told in kiosk.told if "error" in told]
    until_nothing_is_left(one_edge)


MANY = 50


def left(box: SipBox) -> int:
    """How many calls and transactions the box still knows of."""
    calls = box.device.stream._agent.calls  # type: ignore[union-attr]
    return len(calls) + len(calls.clients) + len(calls.servers) + len(box.device.connections)


@pytest.mark.timeout(300)
def test_many_calls_in_a_row_leave_nothing(one_edge: SipSite, box: Callable[..., SipBox]) -> None:
    kiosk = box()
    takes = kiosk.device.on("incoming", lambda call: call.accept())
    with Trunk(one_edge, sip_trunk.calls("box", talk_ms=20), MANY) as trunk:
        trunk.until_done(120)
    with Trunk(one_edge, sip_trunk.takes(), MANY) as trunk:
        for _ in range(MANY):
            call = kiosk.dial("9001")
            until(lambda call=call: call.status() == "open")
            call.disconnect()
        trunk.until_done(60)
    until_nothing_is_left(one_edge)
    kiosk.device.remove_listener("incoming", takes)
    with Trunk(one_edge, sip_trunk.calls("box", cancels=True), MANY) as trunk:
        trunk.until_done(120)

    until(lambda: left(kiosk) == 0, "an end of all", 60)
    until_nothing_is_left(one_edge)
    assert kiosk.told.count("accept") == 2 * MANY
    assert kiosk.told.count("disconnect") == 2 * MANY
    assert kiosk.told.count("cancel") == MANY
    assert not [told for told in kiosk.told if "error" in told]

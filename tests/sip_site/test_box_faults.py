"""What befalls a box at a site: its path goes dark, its address changes, and fifty calls in a row are taken back."""

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
MANY = 50


def is_at_rest(box: SipBox) -> bool:
    """Whether the box's core knows of no call and waits for no answer, but for copies of those that it has had."""
    stream = box.device.stream
    assert stream is not None
    calls = stream._agent.calls  # type: ignore[attr-defined]
    open_requests = [each for each in calls.clients._waiting.values() if not each.is_accepted]
    return not (len(calls) or box.device.calls or open_requests)


@pytest.fixture
def whole_network(one_edge: SipSite) -> Iterator[SipSite]:
    yield one_edge
    for link in ("wired", "wlan"):
        one_edge.plug(link)


def test_a_path_that_goes_dark_is_replaced(whole_network: SipSite, box: Boxes, phone: Phones) -> None:
    kiosk, desk = box(), phone("desk", hz=700)
    call = kiosk.dial("desk")
    kiosk.until_hears(700)
    with whole_network.cut_media_paths():  # new ports come through, as behind a NAT that has forgotten the old ones
        kiosk.until_told("reconnected")
        kiosk.until_hears(700)
        desk.until_hears(440)
        call.disconnect()
        desk.until_event("CALL_CLOSED")
    until_nothing_is_left(whole_network)


def test_an_address_that_is_gone_costs_no_call(whole_network: SipSite, box: Boxes, phone: Phones) -> None:
    kiosk, desk = box(), phone("desk", hz=700)
    call = kiosk.dial("desk")
    kiosk.until_hears(700)
    whole_network.unplug("wired")
    kiosk.device.network_changed()
    kiosk.until_hears(700)
    desk.until_hears(440)
    until(lambda: kiosk.device.stream is not None and kiosk.device.stream.status == "ready", "ready again")
    until(lambda: call.status() == "open", "an open call")
    desk.hang_up()
    until(lambda: call.status() == "closed", "the phone's goodbye")
    until_nothing_is_left(whole_network)


def test_many_calls_of_the_box_that_it_takes_back_leave_nothing(one_edge: SipSite, box: Boxes) -> None:
    kiosk = box(enable_ringing_state=True)
    with Trunk(one_edge, sip_trunk.rings(), MANY, "-l", "10"):
        for count in range(1, MANY + 1):
            call = kiosk.dial("9001")
            kiosk.until_told("ringing False", count)
            call.disconnect()
            until(lambda call=call: call.status() == "closed", "the end")
        until(lambda: is_at_rest(kiosk), "rest", 60)
    until_nothing_is_left(one_edge)

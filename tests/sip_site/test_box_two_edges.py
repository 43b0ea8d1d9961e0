"""A box that keeps a connection to each of two edges: what it has of that when one dies, or a media engine."""

from __future__ import annotations

from collections.abc import Callable

import gevent
import pytest

from bench.rig.sip_box import SipBox, until
from bench.rig.sip_phone import SipPhone
from bench.rig.sip_site import SipSite

from .test_two_edges import until_known, until_no_media_is_left

pytestmark = pytest.mark.sip_site

Boxes = Callable[..., SipBox]
Phones = Callable[..., SipPhone]


def until_both_edges_have(site: SipSite, user: str) -> None:
    """Wait until a user has a connection to each edge, and each edge knows of both."""

    def flows() -> list[tuple[int, int]]:
        return [(site.connected(edge).count(user), site.registered(edge).count(user)) for edge in (1, 2)]

    with gevent.Timeout(30, False):
        while flows() != [(1, 2), (1, 2)]:
            gevent.sleep(0.02)
    assert flows() == [(1, 2), (1, 2)]


def test_an_edge_that_dies_costs_nothing(two_edges: SipSite, box_of_two: Boxes) -> None:
    kiosk, other = box_of_two(1, 2, hz=440), box_of_two(2, user="lobby", hz=500)
    until_both_edges_have(two_edges, "box")
    until_known(two_edges, 1, "lobby")
    other.dial("box")
    call = kiosk.next_call()
    assert len(kiosk.incoming) == 1  # one call, although it came over both
    call.accept()
    kiosk.until_hears(500)
    other.until_hears(440)

    two_edges.kill("edge1")
    kiosk.until_hears(500)
    other.until_hears(440)
    assert kiosk.device.status() == "busy"
    other.device.disconnect_all()
    until(lambda: call.status() == "closed", "the far end's goodbye")
    assert [told for told in kiosk.told if not told.startswith(("warning", "reconn"))] == ["accept", "disconnect"]

    other.dial("box")  # while nobody knows yet whether edge 1 comes back
    kiosk.next_call().accept()
    kiosk.until_hears(500)
    kiosk.device.disconnect_all()
    other.until_told("disconnect", 2)
    again = kiosk.dial("lobby")
    other.next_call().accept()
    kiosk.until_hears(500)
    again.disconnect()
    other.until_told("disconnect", 3)
    until_no_media_is_left(two_edges)

    two_edges.start("edge1")
    until_both_edges_have(two_edges, "box")
    assert not [told for told in kiosk.told if "error" in told]


def test_a_phone_at_an_edge_that_dies_goes_on_at_the_one_that_takes_its_address_over(
    two_edges: SipSite, box_of_two: Boxes, phone_of_two: Phones
) -> None:
    kiosk, desk = box_of_two(1, 2), phone_of_two("desk", hz=700)
    until_both_edges_have(two_edges, "box")
    call = kiosk.dial("desk")
    kiosk.until_hears(700)
    two_edges.kill("edge1")
    two_edges.take_over()
    kiosk.until_hears(700)
    desk.until_hears(440)
    desk.hang_up()
    until(lambda: call.status() == "closed", "the phone's goodbye")
    desk.dial("box")
    kiosk.next_call().accept()
    kiosk.until_hears(700)
    kiosk.device.disconnect_all()
    desk.until_event("CALL_CLOSED", 2)
    until_no_media_is_left(two_edges)


@pytest.mark.parametrize("caller", ["box", "lobby"])
def test_a_media_engine_that_dies_in_a_call_is_replaced(
    two_edges: SipSite, box_of_two: Boxes, phone_of_two: Phones, caller: str
) -> None:
    kiosk, desk = box_of_two(1, 2), phone_of_two("lobby", hz=700)
    until_both_edges_have(two_edges, "box")
    if caller == "box":
        call = kiosk.dial("lobby")
    else:
        desk.dial("box")
        call = kiosk.next_call()
        call.accept()
    kiosk.until_hears(700)
    engine = next(name for name in ("engine1", "engine2") if two_edges.media_of(name))
    two_edges.kill(engine)
    kiosk.until_told("reconnected")
    kiosk.until_hears(700)
    desk.until_hears(440)
    assert call.status() == "open"
    assert not [told for told in kiosk.told if "error" in told]
    desk.hang_up()
    until(lambda: call.status() == "closed", "the phone's goodbye")


def test_a_box_that_started_anew_while_an_edge_was_dead_is_known_over_both(
    two_edges: SipSite, box_of_two: Boxes
) -> None:
    before = box_of_two(1, 2)
    until_both_edges_have(two_edges, "box")
    two_edges.kill("edge1")
    before.close()  # which only the other edge is told of
    two_edges.start("edge1")
    box_of_two(1, 2)
    until_both_edges_have(two_edges, "box")

"""The box with a flow to each of two edges, of which any may die, and so may a media engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import gevent
import pytest

from agent.media.bridge import Bridge
from bench.rig.sip_phone import SipPhone
from bench.rig.sip_site import SipSite
from tests.sip_site.box import Box, until

pytestmark = pytest.mark.netns


@pytest.fixture(scope="module")
def bridge() -> Iterator[Bridge]:
    bridge = Bridge()
    yield bridge
    bridge.close()


@pytest.fixture
def box(two_edges: SipSite, bridge: Bridge) -> Iterator[Box]:
    box = Box(two_edges, bridge, [1, 2])
    yield box
    box.close()


def until_known(site: SipSite, name: str, places: int) -> None:
    """Wait until edge 2 knows so many places of this user."""
    with gevent.Timeout(20, False):
        while site.registered(2).count(name) < places:
            gevent.sleep(0.05)
    assert site.registered(2).count(name) >= places


def test_an_edge_that_dies_costs_nothing(
    two_edges: SipSite, box: Box, phone_of_two: Callable[..., SipPhone]
) -> None:
    until_known(two_edges, "box", 2)
    desk = phone_of_two("desk", hz=700, edge=2)
    desk.dial("box")
    until(lambda: box.incoming)
    call = box.incoming[0]
    call.accept()
    until(lambda: call.status() == "open")
    box.until_hears(700)
    assert len(box.incoming) == 1  # it came over both flows
    two_edges.kill("edge1")
    box.until_hears(700)
    desk.hang_up()
    until(lambda: call.status() == "closed")
    desk.dial("box")
    until(lambda: len(box.incoming) == 2)
    again = box.incoming[1]
    again.accept()
    until(lambda: again.status() == "open")
    box.until_hears(700)
    again.disconnect()
    desk.until_event("CALL_CLOSED", 2)
    two_edges.start("edge1")
    until_known(two_edges, "box", 2)

    assert "transportClose" not in box.told
    assert not [told for told in box.told if "error" in told]
    assert len(box.incoming) == 2


def test_a_media_engine_that_dies_costs_a_moment(
    two_edges: SipSite, box: Box, phone_of_two: Callable[..., SipPhone]
) -> None:
    until_known(two_edges, "box", 2)
    phone_of_two("desk", hz=700, edge=2)
    call = box.dial("desk")
    until(lambda: call.status() == "open")
    box.until_hears(700)
    engine = next(name for name in ("engine1", "engine2") if two_edges.media_of(name))
    two_edges.kill(engine)
    try:
        until(lambda: "reconnected" in box.told)
        box.until_hears(700)
        assert call.status() == "open"
        assert not [told for told in box.told if "error" in told]
        call.disconnect()
    finally:
        two_edges.start(engine)

"""Plain SIP phones at a site, as a house has them: they need nothing of ours."""

from __future__ import annotations

from collections.abc import Callable

import gevent
import pytest

from bench.rig.sip_phone import SipPhone
from bench.rig.sip_site import SipSite

pytestmark = pytest.mark.sip_site


def until_nothing_is_left(site: SipSite) -> None:
    """Wait until neither an edge nor an engine knows of a call."""
    with gevent.Timeout(20, False):
        while site.transactions() or site.media():
            gevent.sleep(0.05)
    assert (site.transactions(), site.media()) == (0, 0)


def test_two_phones_talk(one_edge: SipSite, phone: Callable[..., SipPhone]) -> None:
    desk, lobby = phone("desk", hz=700), phone("lobby", hz=500)
    assert one_edge.registered() == ["desk", "lobby"]
    desk.dial("lobby")
    desk.until_hears(500)
    lobby.until_hears(700)
    assert one_edge.media() == 1
    lobby.press("5")
    desk.until(lambda: desk.digits == "5", "heard the digit")
    desk.hang_up()
    lobby.until_event("CALL_CLOSED")
    until_nothing_is_left(one_edge)

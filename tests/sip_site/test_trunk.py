"""SIPp behind the trunk: many calls in a row, and what they leave."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bench.rig import sip_trunk
from bench.rig.sip_phone import SipPhone
from bench.rig.sip_site import SipSite
from bench.rig.sip_trunk import Trunk

from .test_phones import until_nothing_is_left

pytestmark = pytest.mark.sip_site


def test_calls_from_the_trunk_leave_nothing(one_edge: SipSite, phone: Callable[..., SipPhone]) -> None:
    phone("desk")
    with Trunk(one_edge, sip_trunk.calls("desk", talk_ms=20), 20) as trunk:
        trunk.until_done()
    until_nothing_is_left(one_edge)


def test_calls_that_the_trunk_cancels_leave_nothing(one_edge: SipSite, phone: Callable[..., SipPhone]) -> None:
    phone("desk", answers=False)
    with Trunk(one_edge, sip_trunk.calls("desk", cancels=True), 20) as trunk:
        trunk.until_done()
    until_nothing_is_left(one_edge)


def test_a_phone_calls_a_number_and_gives_up(one_edge: SipSite, phone: Callable[..., SipPhone]) -> None:
    desk = phone("desk")
    with Trunk(one_edge, sip_trunk.rings()) as trunk:
        desk.dial("9001")
        desk.until_event("CALL_RINGING")
        desk.hang_up()
        trunk.until_done()
    until_nothing_is_left(one_edge)


def test_a_number_that_is_busy_is_told_as_busy(one_edge: SipSite, phone: Callable[..., SipPhone]) -> None:
    desk = phone("desk")
    with Trunk(one_edge, sip_trunk.refuses("486 Busy Here")) as trunk:
        desk.dial("9001")
        desk.until(lambda: any(kind == "CALL_CLOSED" and "486" in what for kind, what in desk.events), "told of 486")
        trunk.until_done()
    until_nothing_is_left(one_edge)

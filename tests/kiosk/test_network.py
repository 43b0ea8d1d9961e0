"""What a box listens to while it is in a call."""

from __future__ import annotations

from tests.kiosk.stage import VISITOR_HZ, Box, Phone
from tests.net.netlink import listening_sockets


def test_devices_registration_and_calls_of_a_process_share_one_watch_of_the_network(box: Box, visitor: Phone) -> None:
    visitor.dial()
    box.until_shows("ringing")
    box.press("accept")
    box.until_hears(VISITOR_HZ)

    assert len(listening_sockets()) == 1

"""Whom the phone page takes for a neighbour; its pages are asked for in test_server."""

from __future__ import annotations

import pytest

from agent.switchboard.phone_page import STATIC, is_near


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "10.1.2.3", "192.168.0.9", "fe80::1%eth0",
                                  "fd00::7", "::ffff:192.168.1.1"])  # fmt: skip
def test_private_addresses_are_near(host: str) -> None:
    assert is_near(host)


@pytest.mark.parametrize("host", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "example.org", ""])
def test_other_addresses_are_not(host: str) -> None:
    assert not is_near(host)


def test_the_phone_is_small() -> None:
    """It comes over the air to a telephone."""
    assert sum(path.stat().st_size for path in STATIC.iterdir()) <= 60_000

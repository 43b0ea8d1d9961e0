"""When a program hears that its token will end soon (spec: signaling 11)."""

from __future__ import annotations

import pytest

from agent.signaling.token.expiry_notice import ExpiryNotice, TokenWillExpire


def test_the_program_is_told_ten_seconds_before_the_end() -> None:
    notice = ExpiryNotice(10_000)
    notice.told(3600, 100)

    assert notice.deadline() == 100 + 3590
    assert notice.tick(3689) == []
    assert notice.tick(3690) == [TokenWillExpire()]
    assert notice.deadline() is None
    assert notice.tick(4000) == []


@pytest.mark.parametrize("ttl_s", [-5, 0, 5, 10])
def test_a_token_that_is_about_to_end_is_told_at_once(ttl_s: float) -> None:
    notice = ExpiryNotice(10_000)
    notice.told(ttl_s, 100)

    assert notice.tick(100) == [TokenWillExpire()]


def test_a_newer_token_takes_the_place_of_the_older() -> None:
    notice = ExpiryNotice(10_000)
    notice.told(60, 0)
    notice.told(3600, 30)

    assert notice.tick(50) == []
    assert notice.deadline() == 30 + 3590


def test_nothing_is_told_where_the_service_says_nothing_or_nobody_waits() -> None:
    notice = ExpiryNotice(10_000)
    notice.told(60, 0)
    notice.told(None, 1)
    assert notice.deadline() is None

    notice.told(60, 2)
    notice.stop(3)
    assert notice.tick(1000) == []

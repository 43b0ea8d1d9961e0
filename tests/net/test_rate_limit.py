"""So much a second on average, with bursts."""

from __future__ import annotations

from agent.net.rate_limit import BURST_S, RateLimit


def test_a_limit_allows_bursts_and_then_its_rate() -> None:
    limit = RateLimit(rate_per_s=10, now=0.0)
    assert [limit.take(0.0) for _ in range(60)].count(True) == 10 * BURST_S
    assert [limit.take(0.5) for _ in range(10)].count(True) == 5

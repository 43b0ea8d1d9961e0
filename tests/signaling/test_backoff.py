"""The delays of the SDK's back-off, at both ends of their jitter (spec: oracle 4.1)."""

from __future__ import annotations

import pytest

from agent.errors import InvalidArgumentError
from agent.signaling.backoff import Backoff

SIGNALING = (100, 20_000, 2.0, 0.4)
SHORT = (100, 3_000, 2.0, 0.4)
RECOVERY = (1, 30_000, 1.1, 0.5)


def delays(parameters: tuple[float, float, float, float], jitter: float, count: int) -> list[int]:
    initial, limit, factor, randomisation = parameters
    backoff = Backoff(initial, limit, factor=factor, randomisation=randomisation, random=lambda: jitter)
    seen = []
    for _ in range(count):
        delay = backoff.start(0)
        assert delay is not None
        seen.append(delay)
        assert backoff.expire(delay / 1000)
    return seen


@pytest.mark.parametrize(
    ("parameters", "jitter", "expected"),
    [
        (SIGNALING, 0, [100, 200, 400, 800, 1600, 3200, 6400, 12800, 20000, 20000, 20000, 20000]),
        (SIGNALING, 1, [140, 280, 560, 1120, 2240, 4480, 8960, 17920, 28000, 28000, 28000, 28000]),
        (SHORT, 0, [100, 200, 400, 800, 1600, 3000, 3000]),
        (SHORT, 1, [140, 280, 560, 1120, 2240, 4200, 4200]),
        (RECOVERY, 0, [1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3]),
        (RECOVERY, 1, [2, 2, 2, 2, 2, 2, 3, 3, 3, 4, 4, 4]),
    ],
)
def test_delays_grow_to_the_cap(parameters, jitter, expected):
    assert delays(parameters, jitter, len(expected)) == expected


@pytest.mark.parametrize(
    ("n", "low", "high"),
    [(10, 3, 4), (20, 7, 10), (30, 17, 26), (40, 45, 68), (50, 117, 176), (60, 304, 457), (70, 790, 1185)],
)
def test_restarts_of_media_stay_in_their_ranges(n, low, high):
    assert delays(RECOVERY, 0, n + 1)[n] == low
    assert delays(RECOVERY, 1, n + 1)[n] == high


def test_a_second_start_while_one_is_pending_changes_nothing():
    backoff = Backoff(100, 20_000, random=lambda: 0)
    assert backoff.start(0) == 100
    assert backoff.start(0.05) is None
    assert backoff.deadline_s == 0.1


def test_a_delay_ends_once_and_not_early():
    backoff = Backoff(100, 20_000, random=lambda: 0)
    backoff.start(0)
    assert not backoff.expire(0.099)
    assert backoff.expire(0.1)
    assert not backoff.expire(0.2)


def test_reset_forgets_the_delay_and_begins_again():
    backoff = Backoff(100, 20_000, random=lambda: 0)
    backoff.start(0)
    backoff.expire(1)
    backoff.start(1)
    backoff.reset()
    assert backoff.deadline_s is None
    assert backoff.start(2) == 100


def test_thousands_of_attempts_stay_at_the_cap():
    assert delays(SIGNALING, 0, 5000)[-1] == 20_000


@pytest.mark.parametrize("limit", [100, 50])
def test_a_cap_below_the_first_delay_is_refused(limit):
    with pytest.raises(InvalidArgumentError):
        Backoff(100, limit)

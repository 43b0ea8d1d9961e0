"""Draws the jitter of the recording, so that what follows a try to connect can be compared in time.

Only delays that the policy could draw by itself are possible.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

from agent.signaling.backoff import Backoff
from agent.signaling.pstream.retries import EdgesInTurn, PreferredFirst

NOT_SEEN_MS = 1e9  # a try that was not recorded came after the end, if at all
GRID = [n / 200 for n in range(200)]


def pace(retries: object, delays_ms: list[float], addresses: int) -> None:
    """Let the policy of either generation wait as long as was waited then."""
    if isinstance(retries, EdgesInTurn):
        _pace_backoff(retries._backoff, delays_ms, addresses)
    else:
        assert isinstance(retries, PreferredFirst)
        _pace_outages(retries, iter(delays_ms))


def _pace_backoff(backoff: Backoff, recorded_ms: list[float], addresses: int) -> None:
    delays = iter(recorded_ms)
    if addresses > 1:
        backoff._initial_ms = backoff._base_ms = min(next(iter(recorded_ms), 1000.0), 5000.0)

    def drawn() -> float:
        wanted = next(delays, NOT_SEEN_MS) / backoff._base_ms - 1
        return min(max(wanted / backoff._randomisation, 0.0), 1.0)

    backoff._random = drawn


def _pace_outages(retries: PreferredFirst, delays: Iterator[float]) -> None:
    lost = retries.lost

    def paced(now: float, lived_s: float | None) -> None:
        wanted_ms = next(delays, NOT_SEEN_MS)
        luck = min(GRID, key=lambda luck: abs(_delay_ms(retries, luck, now, lived_s) - wanted_ms))
        retries._random = lambda: luck
        lost(now, lived_s)

    retries.lost = paced  # type: ignore[method-assign]


def _delay_ms(retries: PreferredFirst, luck: float, now: float, lived_s: float | None) -> float:
    """How long it would be until the next try, at the preferred address or else at another one."""
    trial = copy.copy(retries)
    trial._outage = copy.copy(retries._outage)
    trial._random = lambda: luck
    PreferredFirst.lost(trial, now, lived_s)
    due = trial.deadline_s or now
    while not trial.expire(due):
        due = trial.deadline_s or now
    return (due - now) * 1000

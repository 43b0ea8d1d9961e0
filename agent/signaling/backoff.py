"""Exponential back-off with one-sided jitter, as an object without a clock (spec: signaling 6.1).

    base(n)  = min(initial * factor^n, max)              n = expiries since the last reset
    delay(n) = round(base(n) * (1 + U * randomisation))  U uniform in [0, 1)

The jitter comes after the cap, so a delay can exceed `max_ms`.
"""

from __future__ import annotations

import math
import random as _random
from collections.abc import Callable

from agent.errors import InvalidArgumentError

RECONNECT_INITIAL_MS = 100
RECONNECT_INITIAL_SEVERAL_MS = (1_000, 5_000)
RECONNECT_MAX_MS = 20_000
RECONNECT_MAX_FLOOR_MS = 3_000


class Backoff:
    """One timer whose delays grow with every expiry; times are monotonic seconds, delays milliseconds."""

    def __init__(
        self,
        initial_ms: float,
        max_ms: float,
        *,
        factor: float = 2.0,
        randomisation: float = 0.4,
        random: Callable[[], float] = _random.random,
    ) -> None:
        if not 0 < initial_ms < max_ms:
            raise InvalidArgumentError(f"initial_ms must lie between 0 and max_ms ({max_ms}), not {initial_ms}")
        self._initial_ms = initial_ms
        self._max_ms = max_ms
        self._factor = factor
        self._randomisation = randomisation
        self._random = random
        self._base_ms = initial_ms
        self.deadline_s: float | None = None  #: when the pending delay ends, None when none is pending

    def start(self, now: float) -> int | None:
        """Begin the next delay and return it in ms; while one is pending nothing changes and None is returned."""
        if self.deadline_s is not None:
            return None
        jitter = 1 + self._random() * self._randomisation
        delay_ms = math.floor(self._base_ms * jitter + 0.5)
        self.deadline_s = now + delay_ms / 1000
        return delay_ms

    def expire(self, now: float) -> bool:
        """Return True once when the pending delay has ended; the next one will be longer."""
        if self.deadline_s is None or now < self.deadline_s:
            return False
        self.deadline_s = None
        self._base_ms = min(self._base_ms * self._factor, self._max_ms)
        return True

    def cancel(self) -> None:
        """Forget the pending delay without counting it."""
        self.deadline_s = None

    def reset(self) -> None:
        """Forget the pending delay and start again from `initial_ms`."""
        self.cancel()
        self._base_ms = self._initial_ms


def reconnect_backoff(
    addresses: int, max_ms: float | None = None, random: Callable[[], float] = _random.random
) -> Backoff:
    """Make the back-off of a signaling connection that has so many addresses to try."""
    limit_ms = longest_delay_ms(max_ms)
    return Backoff(first_delay_ms(addresses > 1, limit_ms, random), limit_ms, random=random)


def longest_delay_ms(wanted_ms: float | None) -> float:
    """Tell the limit of a signaling connection's delays: what is wanted, but no less than is good for the server."""
    return max(wanted_ms, RECONNECT_MAX_FLOOR_MS) if wanted_ms is not None else RECONNECT_MAX_MS


def first_delay_ms(has_several: bool, limit_ms: float, random: Callable[[], float]) -> int:
    """Draw the first delay of a signaling connection: with several addresses, phones shall not change all at once."""
    if not has_several:
        return RECONNECT_INITIAL_MS
    low, high = RECONNECT_INITIAL_SEVERAL_MS
    high = int(min(high, limit_ms - 1))  # the SDK cannot start at all when it draws more than its own limit
    return low + int(random() * (high - low + 1))


def symmetric_delay_ms(
    initial_ms: float,
    tries: int,
    max_ms: float,
    random: Callable[[], float],
    *,
    factor: float = 2.0,
    randomisation: float = 0.4,
) -> int:
    """Draw the delay after so many tries as SDK 2.x does: jitter to both sides, before the cap."""
    grown_ms = initial_ms * factor ** min(tries, 64)
    return int(min(grown_ms * (1 + (2 * random() - 1) * randomisation), max_ms))

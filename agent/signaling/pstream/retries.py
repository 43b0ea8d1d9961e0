"""Where a lost signaling connection is tried again, and when: one policy for each generation, without a clock.

    EdgesInTurn      one back-off for all addresses, which starts afresh when a connection lasts (spec: signaling 6)
    PreferredFirst   a quick back-off for the preferred address, as long as a call can wait for it; then a patient
                     one for the addresses in turn; both start afresh with every open connection (spec: signaling 11),
                     unless one after the other is dropped again at once

Times are monotonic seconds. Whoever holds one calls `expire` at `deadline_s`.
"""

from __future__ import annotations

import random as _random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from agent.errors import InvalidArgumentError
from agent.signaling.backoff import first_delay_ms, longest_delay_ms, reconnect_backoff, symmetric_delay_ms

CONNECT_SUCCESS_S: Final = 10.0
PREFERRED_INITIAL_MS: Final = 100
PREFERRED_MAX_MS: Final = 1_000
RETRY_AFTER_MAX_S: Final = 60.0
RETRY_AFTER_FOR_S: Final = 75.0
SHORT_LIFE_S: Final = 5.0
MOST_SHORT_LIVES: Final = 3


class Retries(Protocol):
    """The policy of one link."""

    @property
    def uri(self) -> str: ...  # the address to be tried next

    @property
    def deadline_s(self) -> float | None: ...  # when `expire` is due; None while nothing is awaited

    def expire(self, now: float) -> bool: ...  # True once when it is time for the next try

    def lost(self, now: float, lived_s: float | None) -> None: ...  # begin to wait; None: it never was open

    def opened(self) -> None: ...

    def advance(self) -> None: ...  # this address is no good

    def prefer(self, uri: str | None) -> None: ...

    def hold_off(self, retry_after_s: float) -> None: ...  # the server asks for it

    def cancel(self) -> None: ...  # try nothing by itself

    def reset(self) -> None: ...  # start afresh


class EdgesInTurn:
    """The policy of the first generation; it knows no preference."""

    def __init__(
        self, uris: Sequence[str], max_ms: float | None = None, random: Callable[[], float] = _random.random
    ) -> None:
        self._turn = _Turn(uris)
        self._backoff = reconnect_backoff(len(uris), max_ms, random)
        self.advance = self._turn.advance
        self.expire = self._backoff.expire
        self.cancel = self._backoff.cancel
        self.reset = self._backoff.reset

    @property
    def uri(self) -> str:
        """The address to be tried next."""
        return self._turn.uri

    @property
    def deadline_s(self) -> float | None:
        """When the next try is due."""
        return self._backoff.deadline_s

    def lost(self, now: float, lived_s: float | None) -> None:
        """Begin the wait, a short one after a connection that has lasted."""
        if lived_s is not None and lived_s > CONNECT_SUCCESS_S:
            self._backoff.reset()
        self._backoff.start(now)

    def opened(self) -> None:
        """Learn nothing: only a connection that lasts tells something."""

    def prefer(self, _uri: str | None) -> None:
        """Do nothing: every address is as good as the others."""

    def hold_off(self, _retry_after_s: float) -> None:
        """Do nothing: this generation does not listen."""


@dataclass
class _Outage:
    """The tries since the last open connection; the delays are fixed when the first of them begins."""

    preferred_ms: float
    preferred_max_ms: float
    preferred_for_s: float
    is_first_fixed: bool  # by the server
    primary_ms: float
    preferred_tries: int = 0
    primary_tries: int = 0
    preferred_since: float | None = None


class PreferredFirst:
    """The policy of the second generation."""

    def __init__(
        self,
        uris: Sequence[str],
        max_ms: float | None = None,
        preferred_for_ms: float = 0,
        random: Callable[[], float] = _random.random,
    ) -> None:
        """`preferred_for_ms` is how long a lost connection is tried at the preferred address before all others."""
        self.deadline_s: float | None = None
        self._turn = _Turn(uris)
        self._several = len(uris) > 1
        self._max_ms = longest_delay_ms(max_ms)
        self._preferred_for_s = preferred_for_ms / 1000
        self._random = random
        self._preferred: str | None = None
        self._retry_after_s: float | None = None
        self._outage: _Outage | None = None
        self._short_lives = 0  # of connections, in a row
        self._waits_for_preferred = False
        self.advance = self._turn.advance

    @property
    def uri(self) -> str:
        """The address to be tried next."""
        return self._preferred or self._turn.uri

    def expire(self, now: float) -> bool:
        """Return True when it is time for the next try; the preferred address may have had all its time by then."""
        outage = self._outage
        if self.deadline_s is None or now < self.deadline_s or outage is None:
            return False
        self.deadline_s = None
        if not self._waits_for_preferred:
            outage.primary_tries += 1
            return True
        outage.preferred_tries += 1
        if self._preferred and now - (outage.preferred_since or 0) <= outage.preferred_for_s:
            return True
        self._preferred = None
        self._wait(outage, now)
        return False

    def lost(self, now: float, lived_s: float | None) -> None:
        """Begin the wait."""
        if lived_s is not None:
            self._judge(lived_s)
        self._outage = self._outage or self._begin()
        self._wait(self._outage, now)

    def opened(self) -> None:
        """Forget the outage, unless such connections come to nothing, and what the server asked for in it."""
        self.cancel()
        self._retry_after_s = None
        if self._short_lives < MOST_SHORT_LIVES:
            self._outage = None

    def prefer(self, uri: str | None) -> None:
        """Try this address first from now on; None: none is better than the others."""
        self._preferred = uri

    def hold_off(self, retry_after_s: float) -> None:
        """Let the first try at the preferred address wait so long, after the loss that comes."""
        self._retry_after_s = min(retry_after_s, RETRY_AFTER_MAX_S)

    def cancel(self) -> None:
        """Forget the pending try."""
        self.deadline_s = None

    def reset(self) -> None:
        """Forget the outage; the next one starts with short delays."""
        self.cancel()
        self._outage = None

    def _judge(self, lived_s: float) -> None:
        """Count a connection that came to nothing; not while a call waits, which is not for long."""
        if lived_s < SHORT_LIFE_S and self._preferred is None:
            self._short_lives += 1
        else:
            self._short_lives, self._outage = 0, None

    def _begin(self) -> _Outage:
        primary_ms = first_delay_ms(self._several, self._max_ms, self._random)
        if self._retry_after_s is None or self._preferred is None:
            return _Outage(PREFERRED_INITIAL_MS, PREFERRED_MAX_MS, self._preferred_for_s, False, primary_ms)
        first_ms = self._retry_after_s * 1000
        return _Outage(first_ms, RETRY_AFTER_MAX_S * 1000, RETRY_AFTER_FOR_S, True, primary_ms)

    def _wait(self, outage: _Outage, now: float) -> None:
        self._waits_for_preferred = self._preferred is not None
        if not self._waits_for_preferred:
            delay_ms = symmetric_delay_ms(outage.primary_ms, outage.primary_tries, self._max_ms, self._random)
        elif outage.is_first_fixed and outage.preferred_tries == 0:
            delay_ms = int(outage.preferred_ms)
        else:
            delay_ms = symmetric_delay_ms(
                outage.preferred_ms, outage.preferred_tries, outage.preferred_max_ms, self._random
            )
        if self._waits_for_preferred and outage.preferred_since is None:
            outage.preferred_since = now
        self.deadline_s = now + delay_ms / 1000


class _Turn:
    """Addresses, one after the other, and again from the first."""

    def __init__(self, uris: Sequence[str]) -> None:
        if not uris:
            raise InvalidArgumentError("a signaling connection needs at least one address")
        self._uris = tuple(uris)
        self._index = 0

    @property
    def uri(self) -> str:
        return self._uris[self._index]

    def advance(self) -> None:
        self._index = (self._index + 1) % len(self._uris)


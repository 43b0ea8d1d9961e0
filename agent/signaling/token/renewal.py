"""When the access token is renewed, without a clock: on a deadline before its end, and with back-off after failures.

The end is only what the token itself says; the service alone decides what it accepts. A machine without a clock of its
own may boot with a wrong time, so a token that seems to end in the past is taken to begin its life now.
"""

from __future__ import annotations

import random as _random
from collections.abc import Callable
from typing import TYPE_CHECKING

from agent.signaling.backoff import Backoff

if TYPE_CHECKING:
    from agent.signaling.token.access_token import Validity

RETRY_INITIAL_MS = 1_000
RETRY_MAX_MS = 60_000
SETTLED_S = 30.0  #: a token refused sooner was never accepted: the next one has to wait


class Renewal:
    """One deadline, `due_s`, in monotonic seconds; None while nothing is planned."""

    def __init__(
        self, renew_before_s: float, opaque_life_s: float | None, *, random: Callable[[], float] = _random.random
    ) -> None:
        """`opaque_life_s` is for tokens that do not tell their end; None never renews those."""
        self.due_s: float | None = None
        self.ends_s: float | None = None  #: when the token in use ends, as far as it tells
        self._renew_before_s = renew_before_s
        self._opaque_life_s = opaque_life_s
        self._backoff = Backoff(RETRY_INITIAL_MS, RETRY_MAX_MS, random=random)
        self._obtained_at: float | None = None
        self._was_refused = False

    def obtained(self, validity: Validity | None, *, unix_now: float, now: float) -> None:
        """A token came."""
        self._obtained_at = now
        self._backoff.cancel()
        if not self._was_refused:
            self._backoff.reset()
        self._was_refused = False
        self.ends_s = None
        if validity is not None:
            self._plan(validity, unix_now, now)
        elif self._opaque_life_s is not None:
            self.due_s = now + self._opaque_life_s
        else:
            self.due_s = None

    def failed(self, now: float) -> None:
        """No token came: try again, ever more seldom, once a minute at the end."""
        self._retry(now)

    def refused(self, now: float) -> None:
        """The service does not accept the token in use: at once another one, unless it has just been renewed."""
        self._was_refused = True
        if self._obtained_at is None or now - self._obtained_at >= SETTLED_S:
            self._backoff.reset()
            self.due_s = now
        else:
            self._retry(now)

    def changed(self, now: float) -> None:
        """The source has something new."""
        self.due_s = now

    def network_changed(self, now: float) -> None:
        """A try that failed may succeed now."""
        if self._backoff.deadline_s is not None:
            self.due_s = now

    def begin(self, now: float) -> bool:
        """Whether it is time to ask for a token; true once for each deadline."""
        if self.due_s is None or now < self.due_s:
            return False
        if not self._backoff.expire(now):
            self._backoff.cancel()
        self.due_s = None
        return True

    def _plan(self, validity: Validity, unix_now: float, now: float) -> None:
        remaining_s = _remaining_s(validity, unix_now)
        life_s = validity.expires_at - validity.issued_at if validity.issued_at else remaining_s
        self.ends_s = now + remaining_s
        self.due_s = self.ends_s - min(self._renew_before_s, life_s / 2)
        if self.due_s <= now:  # the source still gives the token that is about to end
            self._retry(now)

    def _retry(self, now: float) -> None:
        self._backoff.start(now)
        self.due_s = self._backoff.deadline_s


def _remaining_s(validity: Validity, unix_now: float) -> float:
    remaining_s = validity.expires_at - unix_now
    if validity.issued_at is None:
        return max(remaining_s, 0)
    life_s = validity.expires_at - validity.issued_at
    return remaining_s if 0 < remaining_s <= life_s else max(life_s, 0)

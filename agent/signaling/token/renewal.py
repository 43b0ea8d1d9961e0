"""When the access token is renewed, without a clock: on a deadline before its end, and with back-off after failures.

The end is what the service says of the token when it takes it (spec: signaling 11); before, it is what the token says
itself. A machine without a clock of its own may boot with a wrong time, so a token that seems to end in the past is
then taken to begin its life now, and one that took the place of another cannot be older than the other's arrival,
whatever the clock says.

Only a token that lets us rest ends the back-off: neither one that is about to end, by its own words or the service's,
of which a source may have many, nor one that the service refuses.
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
REFUSALS_APART_S = 600.0  #: refusals that come sooner one after the other have to wait, too
REST_S = 60.0  #: what a token has to give to be a success; of a short one a quarter of its life,
LEAST_REST_BY_CLOCK_S = 30.0  # but no less than this where only the clock tells its life
ROUNDING_S = 2.0  #: the service counts in whole seconds, and its words take their time
LEAST_LIFE_S = 1.0  #: a token that lives shorter is of no use


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
        self._validity: Validity | None = None
        self._life_s = 0.0  # of the latest token
        self._refused_at: float | None = None
        self._was_refused = False
        self._was_told_short = False  # the service gave a token so little time that nobody can rest

    def obtained(self, validity: Validity | None, *, unix_now: float, now: float) -> None:
        """Plan the renewal of the token that came."""
        self._backoff.cancel()
        remaining_s = self._judge(validity, unix_now, now)
        is_new = validity != self._validity
        self._validity, self._obtained_at = validity, now
        self.ends_s = None if validity is None or remaining_s is None else now + remaining_s
        self.due_s = None
        if remaining_s is not None:
            margin_s = self._margin_s if validity is not None else 0.0
            self._plan(remaining_s - margin_s, now, is_new=is_new)
        elif self._is_good:
            self._backoff.reset()
        self._was_refused = False

    def told(self, remaining_s: float, now: float) -> None:
        """Plan anew where the service sees another end of the token in use; a try that is due or under way stays."""
        remaining_s = max(0.0, remaining_s)
        ends_s, self.ends_s = self.ends_s, now + remaining_s
        if ends_s is not None and abs(self.ends_s - ends_s) <= ROUNDING_S:
            self._was_told_short = False
            return
        if self.due_s is None or self.due_s <= now or self._backoff.deadline_s is not None:
            return
        if self._validity is None or self._validity.issued_at is None:
            self._life_s = remaining_s
        rest_s = remaining_s - self._margin_s
        self._was_told_short = self._life_s < LEAST_LIFE_S or rest_s < self._needed_s
        if self._was_told_short:
            self._retry(now)
            self.due_s = max(self.due_s, now + rest_s)
        else:
            self.due_s = now + rest_s
            self._backoff.reset()

    def failed(self, now: float) -> None:
        """Plan another try, ever more seldom, once a minute at the end."""
        self._retry(now)

    def refused(self, now: float) -> None:
        """Plan another token for one that the service refuses: at once, unless that has just been done."""
        self._was_refused = True
        settled = self._obtained_at is None or now - self._obtained_at >= SETTLED_S
        seldom = self._refused_at is None or now - self._refused_at >= REFUSALS_APART_S
        self._refused_at = now
        if self._backoff.deadline_s is not None:
            return  # a try is planned already, as soon as is good
        if settled and seldom:
            self.due_s = now
        else:
            self._retry(now)

    def changed(self, now: float) -> None:
        """Plan a fetch now, because the source has something new."""
        self.due_s = now

    def network_changed(self, now: float) -> None:
        """Plan a failed try again now, because it may succeed."""
        if self._backoff.deadline_s is not None:
            self.due_s = now

    def begin(self, now: float) -> bool:
        """Tell whether it is time to ask for a token; true once for each deadline."""
        if self.due_s is None or now < self.due_s:
            return False
        if not self._backoff.expire(now):
            self._backoff.cancel()
        self.due_s = None
        return True

    def _judge(self, validity: Validity | None, unix_now: float, now: float) -> float | None:
        """Judge how long this token still lives; None for one that is never renewed."""
        if validity is None:
            self._life_s = self._opaque_life_s or 0.0
            return self._opaque_life_s
        remaining_s = _remaining_s(validity, unix_now)
        if validity.issued_at is None and remaining_s <= 0 and self._opaque_life_s is not None:
            remaining_s = self._opaque_life_s  # the clock is wrong, and nothing tells its life
        before = self._validity
        if validity.issued_at is not None:
            self._life_s = max(validity.expires_at - validity.issued_at, 0.0)
            if before is not None and before.issued_at is not None and before.issued_at < validity.issued_at:
                assert self._obtained_at is not None
                return max(remaining_s, self._life_s - (now - self._obtained_at))
        elif validity != before:
            self._life_s = remaining_s
        return remaining_s

    def _plan(self, rest_s: float, now: float, *, is_new: bool) -> None:
        """Rest, or ask again before long where the source gives a token that is about to end."""
        self.due_s = now + rest_s
        by_clock = self._validity is not None and self._validity.issued_at is None
        needed_s = max(LEAST_REST_BY_CLOCK_S if by_clock else 0.0, self._needed_s)
        if self._life_s < LEAST_LIFE_S or rest_s < needed_s:
            self._retry(now)
            if is_new and self._life_s >= LEAST_LIFE_S:
                self.due_s = min(self.due_s, now + needed_s)  # a short one does not live as long as the pause
            self.due_s = max(self.due_s, now + rest_s)
        elif self._is_good:
            self._backoff.reset()

    @property
    def _margin_s(self) -> float:
        """How long before its end a token of such a life is renewed."""
        return min(self._renew_before_s, self._life_s / 2)

    @property
    def _needed_s(self) -> float:
        """The rest that a token of such a life has to give."""
        return min(REST_S, self._life_s / 4)

    @property
    def _is_good(self) -> bool:
        """Whether the service has nothing against our tokens."""
        return not (self._was_refused or self._was_told_short)

    def _retry(self, now: float) -> None:
        self._backoff.start(now)
        deadline_s = self._backoff.deadline_s
        assert deadline_s is not None
        self.due_s = deadline_s


def _remaining_s(validity: Validity, unix_now: float) -> float:
    remaining_s = validity.expires_at - unix_now
    if validity.issued_at is None:
        return max(remaining_s, 0)
    life_s = validity.expires_at - validity.issued_at
    return remaining_s if 0 < remaining_s <= life_s else max(life_s, 0)

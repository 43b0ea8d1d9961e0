"""Whose turn it is to describe the session anew (RFC 3261 section 14, RFC 6337), without I/O or clock.

    ours      at most one offer of ours is under way; a newer one takes the place of one that waits
    theirs    at most one of theirs waits for our answer, for so long as media may take
    glare     their offer meets ours: 491; ours was met so: again after 2.1-4 s where the call is ours, else after 0-2 s
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from agent.signaling.sip.client_transactions import ClientTransaction
from agent.signaling.sip.message import SipResponse
from agent.signaling.sip.server_transactions import ServerTransaction

THEIR_LIMIT_S: Final = 15.0  # media answers within 10 s, or never
OWNER_AGAIN_S: Final = (2.1, 4.0)
OTHER_AGAIN_S: Final = (0.0, 2.0)
MOST_AGAIN: Final = 5
LONGEST_AGAIN_S: Final = 30.0


@dataclass
class OurOffer:
    """An offer of ours that is under way; a probe is one that changes nothing."""

    sdp: str
    is_probe: bool
    transaction: ClientTransaction | None = None


@dataclass
class TheirOffer:
    """One of theirs; without a description it asks for an offer of ours."""

    transaction: ServerTransaction
    sdp: str
    until: float


class OfferTurns:
    """Both sides of one call."""

    def __init__(self, *, owns_call: bool, random: Callable[[], float]) -> None:
        self.ours: OurOffer | None = None
        self.theirs: TheirOffer | None = None
        self._waiting: OurOffer | None = None
        self._owns_call = owns_call
        self._random = random
        self._again_at: float | None = None
        self._tries = 0

    @property
    def is_quiet(self) -> bool:
        """Whether no offer is under way or waits."""
        return self.ours is None and self.theirs is None and self._waiting is None

    def wait(self, offer: OurOffer) -> None:
        """Let this one be the next; a probe takes nobody's place."""
        if self._waiting is None or not offer.is_probe:
            self._waiting = offer

    def give_way(self) -> None:
        """Forget what waits: their offer comes first."""
        self._waiting = self._again_at = None

    def next(self, now: float) -> OurOffer | None:
        """Take the offer whose turn it is now, if there is one."""
        if self._waiting is None or self.ours is not None or self.theirs is not None:
            return None
        if self._again_at is not None and now < self._again_at:
            return None
        self.ours, self._waiting, self._again_at = self._waiting, None, None
        return self.ours

    def settled(self) -> None:
        """Note that ours was answered."""
        self.ours, self._tries = None, 0

    def met(self, response: SipResponse, now: float) -> bool:
        """Note that ours came at a bad moment; tells whether it goes out again."""
        met, self.ours = self.ours, None
        self._tries += 1
        if met is None or self._tries > MOST_AGAIN:
            self._tries = 0
            return False
        self.wait(met)
        low, high = OWNER_AGAIN_S if self._owns_call else OTHER_AGAIN_S
        asked_s = 0.0 if response.status == 491 else _retry_after_s(response)
        self._again_at = now + max(asked_s, low + (high - low) * self._random())
        return True

    def interrupted(self) -> None:
        """Keep ours for the next connection; the one that it was sent over is gone."""
        if self.ours is not None:
            self.wait(self.ours)
        self.ours = None

    @property
    def again_at(self) -> float | None:
        """When the offer that waits may go out; None where nothing waits for a point in time."""
        is_next = self._waiting is not None and self.ours is None and self.theirs is None
        return self._again_at if is_next else None

    @property
    def until(self) -> float | None:
        """When theirs is given up; None where there is none."""
        return None if self.theirs is None else self.theirs.until

    def given_up(self, now: float) -> TheirOffer | None:
        """Take theirs, if media has not answered it in time."""
        if self.theirs is None or now < self.theirs.until:
            return None
        theirs, self.theirs = self.theirs, None
        return theirs


def _retry_after_s(response: SipResponse) -> float:
    text = (response.headers.first("Retry-After") or "").strip().partition(";")[0].partition("(")[0].strip()
    return min(float(text), LONGEST_AGAIN_S) if text.isdecimal() and len(text) < 10 else 0.0

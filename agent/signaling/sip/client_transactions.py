"""Requests of ours until their final response (RFC 3261 section 17.1, RFC 6026), without I/O or clock.

    state        event                     what happens
    calling      1xx                       -> proceeding; a CANCEL that was asked for goes out
    calling      32 s                      -> over: 408, made here
    proceeding   300 s of ringing          -> a CANCEL goes out, 32 s more
    any          401, 407                  the request goes out once more, with an answer to the challenge
    any          2xx to an INVITE          -> accepted: 32 s more, for 200s of other phones and copies
    any          3xx-6xx to an INVITE      -> over; ACK
    any          flow lost                 -> over: 503, made here

A WebSocket loses nothing, so nothing is sent twice. Whoever asked hears each response but 100; one that was made here
has no headers.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from agent.errors import CredentialsError
from agent.log import SeldomLog, excerpt
from agent.signaling.sip.codes import phrase_of
from agent.signaling.sip.digest import DigestClient
from agent.signaling.sip.effects import CallReport, SendSip
from agent.signaling.sip.message import SipRequest, SipResponse
from agent.signaling.sip.writer import HeaderLines, MessageWriter, ack_of, cancel_of

log = logging.getLogger(__name__)
_strangers = SeldomLog(log)

ANSWER_LIMIT_S: Final = 32.0  # timers B, F and M
RING_LIMIT_S: Final = 300.0
MOST_TRANSACTIONS: Final = 256

Hear = Callable[[SipResponse, float], list[CallReport]]


class ClientTransaction:
    """One request and who waits for its responses."""

    def __init__(self, request: SipRequest, flow: int, hear: Hear, renumber: Callable[[int], None]) -> None:
        """`hear(response, now)` gets the responses, `renumber(n)` the new number where the request goes out again."""
        self.request = request
        self.flow = flow
        self.hear = hear
        self.renumber = renumber
        self.is_answered = False  #: by any response
        self.is_accepted = False
        self.is_cancelled = False
        self.why_cancelled: HeaderLines | None = None
        self.tries = 0  #: answers to challenges
        self.deadline = 0.0

    @property
    def branch(self) -> str:
        """Its name."""
        return self.request.via[0].branch

    @property
    def is_invite(self) -> bool:
        """Whether an answer may take as long as people do."""
        return self.request.method == "INVITE"


class ClientTransactions:
    """Every request of ours that is under way, but registrations' own."""

    def __init__(self, writer: MessageWriter, digest: DigestClient) -> None:
        self._writer = writer
        self._digest = digest
        self._waiting: dict[str, ClientTransaction] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def begin(self, transaction: ClientTransaction, now: float) -> list[CallReport]:
        """Send a request."""
        if len(self._waiting) >= MOST_TRANSACTIONS:
            _strangers.warning("a SIP request is not sent: %d wait for an answer already", MOST_TRANSACTIONS)
            return transaction.hear(made_here(503, "Too Many Requests"), now)
        transaction.deadline = now + ANSWER_LIMIT_S
        self._waiting[transaction.branch] = transaction
        return [SendSip(transaction.request, transaction.flow)]

    def cancel(
        self, transaction: ClientTransaction, now: float, why: HeaderLines | None = None
    ) -> list[CallReport]:
        """Take an INVITE back, as soon as the edge has shown that it knows it (RFC 3261 section 9.1)."""
        if transaction.is_cancelled or self._waiting.get(transaction.branch) is not transaction:
            return []
        transaction.is_cancelled, transaction.why_cancelled = True, why
        return self._cancel_now(transaction, now) if transaction.is_answered else []

    def _cancel_now(self, transaction: ClientTransaction, now: float) -> list[CallReport]:
        transaction.deadline = now + ANSWER_LIMIT_S
        return [SendSip(cancel_of(transaction.request, transaction.why_cancelled), transaction.flow)]

    def take(self, response: SipResponse, now: float) -> list[CallReport]:
        """Give a response to whom it is for; one of a CANCEL, or to nothing that is under way, means nothing."""
        transaction = self._waiting.get(response.via[0].branch)
        if transaction is None or response.cseq.method != transaction.request.method:
            return []
        if response.status < 200:
            return self._provisional(transaction, response, now)
        if transaction.is_invite and response.status < 300:
            return self._accepted(transaction, response, now)
        del self._waiting[transaction.branch]
        if transaction.is_accepted:
            return []  # an edge that says yes and no
        effects: list[CallReport] = []
        if transaction.is_invite:
            effects.append(SendSip(ack_of(transaction.request, response), transaction.flow))
        again = self._again(transaction, response, now)
        return effects + (transaction.hear(response, now) if again is None else again)

    def _provisional(self, transaction: ClientTransaction, response: SipResponse, now: float) -> list[CallReport]:
        if transaction.is_accepted:
            return []
        first, transaction.is_answered = not transaction.is_answered, True
        if transaction.is_cancelled:
            return self._cancel_now(transaction, now) if first else []
        if transaction.is_invite and first:
            transaction.deadline = now + RING_LIMIT_S
        return transaction.hear(response, now) if response.status > 100 else []

    def _accepted(self, transaction: ClientTransaction, response: SipResponse, now: float) -> list[CallReport]:
        if not transaction.is_accepted:
            transaction.is_accepted = transaction.is_answered = True
            transaction.deadline = now + ANSWER_LIMIT_S
        return transaction.hear(response, now)

    def _again(self, transaction: ClientTransaction, response: SipResponse, now: float) -> list[CallReport] | None:
        """Answer a challenge; None for one that cannot be answered, and for every other response."""
        if response.status not in (401, 407) or transaction.is_cancelled:
            return None
        try:
            headers = self._digest.answer(transaction.request, response, transaction.tries)
        except CredentialsError as exc:
            _strangers.warning("a SIP request is refused: %s", excerpt(exc, 200))
            return None
        transaction.tries += 1
        transaction.request = self._writer.renewed(transaction.request, headers)
        transaction.is_answered = False
        transaction.renumber(transaction.request.cseq.number)
        return self.begin(transaction, now)

    def lost(self, flow: int, now: float) -> list[CallReport]:
        """End what went over a connection that is gone: its responses have no way back."""
        gone = [each for each in self._waiting.values() if each.flow == flow]
        return [effect for each in gone for effect in self._end(each, made_here(503, "Connection Lost"), now)]

    def deadline(self) -> float | None:
        """Tell when `tick` is due; None when nothing waits."""
        return min((each.deadline for each in self._waiting.values()), default=None)

    def tick(self, now: float) -> list[CallReport]:
        """End what got no answer."""
        effects: list[CallReport] = []
        for each in [one for one in self._waiting.values() if now >= one.deadline]:
            if each.is_invite and each.is_answered and not (each.is_accepted or each.is_cancelled):
                effects += self.cancel(each, now)
            else:
                effects += self._end(each, made_here(408), now)
        return effects

    def _end(self, transaction: ClientTransaction, response: SipResponse, now: float) -> list[CallReport]:
        self._waiting.pop(transaction.branch, None)
        return [] if transaction.is_accepted else transaction.hear(response, now)


def made_here(status: int, phrase: str = "") -> SipResponse:
    """Make what stands for a response that never came."""
    return SipResponse(status, phrase or phrase_of(status))


def is_made_here(response: SipResponse) -> bool:
    """Tell whether no server said so."""
    return not response.headers.lines

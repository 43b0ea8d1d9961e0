"""A call to us until it is answered (RFC 3261 sections 9.2 and 13.3).

The program hears of it first, and only a call that it keeps begins to ring at the caller's end: what is declined at
once, because somebody is talking here, is answered as busy and nothing else.
"""

from __future__ import annotations

from typing import Any, Final

from agent.signaling.sip.call_phase import (
    DECLINED,
    CallDesk,
    CallPhase,
    description_of,
    foreign,
    reply,
)
from agent.signaling.sip.dialog import Arrival, Dialog
from agent.signaling.sip.effects import CallReport
from agent.signaling.sip.header_values import read_seconds
from agent.signaling.sip.message import SipRequest
from agent.signaling.sip.server_transactions import ServerTransaction
from agent.signaling.sip.sip_session import SipSession
from agent.signaling.sip.stories import is_answered_elsewhere

RING_LIMIT_S: Final = 600.0  #: an edge that forgets its CANCEL must not ring for ever


class IncomingCall(CallPhase):
    """Their INVITE, and what comes of it."""

    def __init__(self, desk: CallDesk, transaction: ServerTransaction, now: float) -> None:
        invite = transaction.request
        super().__init__(desk, invite.call_id, transaction.flow)
        self.transaction = transaction
        self._dialog = Dialog.of_invite(invite, transaction.tag)
        self._offer = description_of(invite)
        self._ring_at: float | None = now
        expires_s = read_seconds(invite.headers.first("Expires"))
        self._until = now + min(RING_LIMIT_S, RING_LIMIT_S if expires_s is None else expires_s)

    def announce(self, parameters: dict[str, str]) -> list[CallReport]:
        """Tell the program; a call that offers nothing wants an offer from us."""
        wants_offer = {} if self._offer else {"wants_offer": True}
        return [self._tell("invite", sdp=self._offer, parameters=parameters, **wants_offer)]

    def adopt(self, transaction: ServerTransaction, now: float) -> list[CallReport]:
        """Go on with a copy that came by another way, because the way of the first one is closed."""
        self._desk.servers.settle(self.transaction, now)
        self._desk.servers.add(transaction)
        transaction.tag = self.transaction.tag
        self.transaction, self.flow = transaction, transaction.flow
        return self._respond(180, now)

    def answer(self, sdp: str, now: float) -> list[CallReport]:
        """Take it, with our description."""
        session = SipSession(self._desk, self.sid, self.flow, self._dialog, is_ours=False)
        self._desk.enter(session)
        return session.accept(self.transaction, self._offer, sdp, now)

    def reject(self, status: int, now: float) -> list[CallReport]:
        """Refuse it."""
        return self._end(status, now)

    def decline(self, why: str, now: float) -> list[CallReport]:
        """Say that nobody takes it."""
        return self._end(DECLINED.get(why, 480), now)

    def hang_up(self, reason: str | None, now: float) -> list[CallReport]:
        """Give up taking it: something here has failed."""
        return self._end(480, now)

    def owns(self, request: SipRequest) -> bool:
        """Tell whether the caller means this call."""
        return self._dialog.owns(request)

    def take(self, request: SipRequest, flow: int, now: float) -> list[CallReport]:
        """Answer what the caller asks while it rings; BYE ends it as CANCEL does."""
        if self._dialog.arrived(request.cseq.number) is not Arrival.NEW:
            return [reply(self._desk, request, 500, flow)]
        match request.method:
            case "BYE":
                return [reply(self._desk, request, 200, flow), *self._end(487, now), self._tell("cancel")]
            case "OPTIONS" | "INFO":
                return [reply(self._desk, request, 200, flow)]
            case "UPDATE" | "INVITE":
                return [reply(self._desk, request, 491 if description_of(request) else 200, flow)]
        return foreign(self._desk, request, flow)

    def cancelled(self, transaction: ServerTransaction, cancel: SipRequest, now: float) -> list[CallReport]:
        """End it: the caller has given up, or somebody else has taken it."""
        if transaction is not self.transaction:
            return []
        elsewhere: dict[str, Any] = {"elsewhere": True} if is_answered_elsewhere(cancel) else {}
        return [*self._end(487, now), self._tell("cancel", **elsewhere)]

    def deadline(self) -> float | None:
        """Tell when to ring, and when to give up."""
        return self._until if self._ring_at is None else min(self._ring_at, self._until)

    def tick(self, now: float) -> list[CallReport]:
        """Let it ring at the caller's end, or give up."""
        if now >= self._until:
            return [*self._end(487, now), self._tell("cancel")]  # section 13.3.1
        if self._ring_at is not None and now >= self._ring_at:
            self._ring_at = None
            return self._respond(180, now)
        return []

    def _respond(self, status: int, now: float) -> list[CallReport]:
        transaction = self.transaction
        return transaction.respond(self._desk.writer.response(transaction.request, status, transaction.tag), now)

    def _end(self, status: int, now: float) -> list[CallReport]:
        self._desk.over(self)
        return self._respond(status, now)

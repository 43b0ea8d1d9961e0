"""What both sides of an answered call describe (RFC 3261 section 14, RFC 3311): whose offer it is, and what is agreed.

    their INVITE, UPDATE     -> `invite`; our answer goes into the 200. Without a description: our offer does
    our offer                -> INVITE; its 200 -> `answer`
    `probe`                  an offer that changes nothing: is the far end there, and does it know where we are?
"""

from __future__ import annotations

from agent.signaling.sip.bodies import what_is_taken
from agent.signaling.sip.call_phase import CallDesk, description_of, is_foreign_body, reply
from agent.signaling.sip.client_transactions import is_made_here
from agent.signaling.sip.codes import BUSY, GONE
from agent.signaling.sip.dialog import Dialog
from agent.signaling.sip.effects import CallReport
from agent.signaling.sip.message import SipRequest, SipResponse
from agent.signaling.sip.offers import THEIR_LIMIT_S, OfferTurns, OurOffer, TheirOffer
from agent.signaling.sip.server_transactions import ServerTransaction
from agent.signaling.sip.session_end import SessionEnd
from agent.signaling.sip.session_text import as_offer, is_hold, is_same_peer


class SessionOffers(SessionEnd):
    """The descriptions of one session."""

    def __init__(self, desk: CallDesk, sid: str, flow: int, dialog: Dialog, *, is_ours: bool) -> None:
        """`is_ours`: we have called."""
        super().__init__(desk, sid, flow, dialog)
        self._turns = OfferTurns(owns_call=is_ours, random=desk.random)
        self._local_sdp = self._remote_sdp = ""
        self._is_held = False
        self._awaits_answer = False  # the ACK of our 2xx brings one

    def _let_go(self, now: float) -> list[CallReport]:
        theirs, self._turns.theirs = self._turns.theirs, None
        return [] if theirs is None else self._no(theirs, 487, now)

    def _go_on(self, now: float) -> list[CallReport]:
        return self._next_offer(now)

    # What both know

    def agreed(self, local_sdp: str, remote_sdp: str) -> None:
        """Take what both have described."""
        self._local_sdp, self._remote_sdp = local_sdp, remote_sdp or self._remote_sdp

    def accept(self, transaction: ServerTransaction, offer: str, sdp: str, now: float) -> list[CallReport]:
        """Answer their first INVITE."""
        return [*self._yes(transaction, offer, sdp, now), *self.hold_told(offer)]

    def hold_told(self, remote_sdp: str) -> list[CallReport]:
        """Tell the program when the far end begins or ceases to hold the call."""
        is_held = is_hold(remote_sdp) if remote_sdp else self._is_held
        if is_held == self._is_held:
            return []
        self._is_held = is_held
        return [self._tell("hold", held=is_held)]

    def acked(self, transaction: ServerTransaction, ack: SipRequest, now: float) -> list[CallReport]:
        """Go on: the far end knows that we said yes."""
        if transaction is not self._unacked:
            return []
        self._unacked = None
        sdp = description_of(ack) if self._awaits_answer and self._leaving is None else ""
        self._awaits_answer = False
        return [*(self._answered_by_ack(sdp) if sdp else []), *self._next(now)]

    def _answered_by_ack(self, sdp: str) -> list[CallReport]:
        self.agreed(self._local_sdp, sdp)
        return [self._tell("answer", sdp=sdp), *self.hold_told(sdp)]

    # Their offers

    def answer(self, sdp: str, now: float) -> list[CallReport]:
        """Answer their offer."""
        theirs, self._turns.theirs = self._turns.theirs, None
        if theirs is None:
            return []
        self._turns.give_way()  # media has taken back what it had offered before it answered
        said = self._yes(theirs.transaction, theirs.sdp, sdp, now)
        return [*said, *self.hold_told(theirs.sdp), *self._next_offer(now)]

    def decline(self, why: str, now: float) -> list[CallReport]:
        """Say that their offer cannot be used; the session goes on as it was."""
        theirs, self._turns.theirs = self._turns.theirs, None
        return [] if theirs is None else [*self._no(theirs, 488, now), *self._next_offer(now)]

    def cancelled(self, transaction: ServerTransaction, cancel: SipRequest, now: float) -> list[CallReport]:
        """Let go of their offer; the session goes on as it was."""
        theirs = self._turns.theirs
        if theirs is None or theirs.transaction is not transaction:
            return []
        self._turns.theirs = None
        return [*self._no(theirs, 487, now), *self._next_offer(now)]

    def _offered(self, request: SipRequest, flow: int, now: float) -> list[CallReport]:
        self.dialog.retarget(request)
        sdp, is_invite = description_of(request), request.method == "INVITE"
        if is_foreign_body(request):
            return [reply(self._desk, request, 415, flow, what_is_taken(request.headers))]
        if not (sdp or is_invite):
            return [reply(self._desk, request, 200, flow)]  # it only says that it is there
        if self._leaving is not None or self._turns.ours is not None:
            return [reply(self._desk, request, 491, flow)]
        if self._turns.theirs is not None:
            return [reply(self._desk, request, 500, flow, {"Retry-After": str(int(10 * self._desk.random()))})]
        transaction = ServerTransaction(request, flow, str(self.dialog.local.tag))
        if is_invite:
            self._desk.servers.add(transaction)
        self._turns.theirs = TheirOffer(transaction, sdp, now + THEIR_LIMIT_S)
        self._turns.give_way()
        return [self._tell("invite", sdp=sdp, instead=True, **({} if sdp else {"wants_offer": True}))]

    def _overdue(self, now: float) -> list[CallReport]:
        """Give up their offer when media has not answered it in time."""
        late = self._turns.given_up(now)
        return [] if late is None else self._no(late, 488, now)

    def _yes(self, transaction: ServerTransaction, offer: str, sdp: str, now: float) -> list[CallReport]:
        """Say 200 with our description."""
        self.agreed(sdp, offer)
        if transaction.request.method == "INVITE":
            self._unacked, self._awaits_answer = transaction, not offer
            transaction.unacked, transaction.acked_by = self._unheard, self.acked
        response = self._desk.writer.response(transaction.request, 200, transaction.tag, body=sdp)
        return transaction.respond(response, now)

    def _no(self, theirs: TheirOffer, status: int, now: float) -> list[CallReport]:
        transaction = theirs.transaction
        return transaction.respond(self._desk.writer.response(transaction.request, status, transaction.tag), now)

    # Our offers

    def offer(self, sdp: str, now: float) -> list[CallReport]:
        """Describe our side anew, now or as soon as it is our turn; also into the hands of who has asked for it."""
        if self._leaving is not None:
            return []
        if self._turns.theirs is not None and not self._turns.theirs.sdp:
            return self.answer(sdp, now)
        self._turns.wait(OurOffer(sdp, is_probe=False))
        return self._next_offer(now)

    def probe(self, now: float) -> list[CallReport]:
        """Ask whether the call is still there, unless an answer is due that will tell."""
        if self._leaving is not None or not self._local_sdp:
            return []
        if self._turns.is_quiet:
            self._turns.wait(OurOffer(as_offer(self._local_sdp), is_probe=True))
        return self._next_offer(now)

    def _next_offer(self, now: float) -> list[CallReport]:
        if self._unacked is not None or not self._has_way:
            return []
        ours = self._turns.next(now)
        if ours is None:
            return []
        request = self.dialog.request(self._desk.writer, "INVITE", body=ours.sdp)
        ours.transaction, effects = self._ask(
            request, lambda response, at: self._offer_answered(ours, response, at), self.dialog.renumber, now
        )
        return effects

    def _offer_answered(self, ours: OurOffer, response: SipResponse, now: float) -> list[CallReport]:
        if response.status < 200:
            return []
        if response.status < 300:
            return self._offer_taken(ours, response, now)
        if ours is not self._turns.ours:
            return []
        if is_made_here(response) and response.status != 408:
            self._turns.interrupted()
            return self._next_offer(now)
        if response.status in GONE:
            return self._ended(now)
        if response.status in BUSY and self._turns.met(response, now):
            return self._next_offer(now)
        self._turns.settled()
        told = [] if ours.is_probe or self._leaving is not None else [self._tell("offer_refused")]
        return [*told, *self._next_offer(now)]

    def _offer_taken(self, ours: OurOffer, response: SipResponse, now: float) -> list[CallReport]:
        assert ours.transaction is not None
        self.dialog.retarget(response)
        ack = self.acknowledge(ours.transaction.request, self.flow, now)
        if ours is not self._turns.ours:
            return [ack]  # the same answer once more
        self._turns.settled()
        before, sdp = self._remote_sdp, description_of(response)
        self.agreed(self._local_sdp if ours.is_probe else ours.sdp, sdp)
        if self._leaving is not None:
            return [ack]
        told: list[CallReport] = []
        if sdp and not ours.is_probe:
            told = [self._tell("answer", sdp=sdp)]
        elif sdp and before and not is_same_peer(before, sdp):
            told = [self._tell("peer_changed")]
        return [ack, *told, *self.hold_told(sdp), *self._next_offer(now)]

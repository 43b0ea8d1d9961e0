"""A call that is answered (RFC 3261 sections 12.2, 14 and 15, RFC 3311, RFC 6086).

    their INVITE, UPDATE     -> `invite`; our answer goes into the 200. Without a description: our offer does
    our offer                -> INVITE; its 200 -> `answer`
    their BYE                -> `hangup`
    our BYE                  goes out when the far end knows that we had said yes, and when there is a way
    408, 481                 there is no such call any more -> `hangup`
    `probe`                  an offer that changes nothing: is the far end there, and does it know where we are?
"""

from __future__ import annotations

from typing import Final

from agent.signaling.sip.call_phase import (
    CallDesk,
    CallPhase,
    description_of,
    foreign,
    is_foreign_body,
    reason_header,
    reply,
)
from agent.signaling.sip.client_transactions import ANSWER_LIMIT_S, ClientTransaction, is_made_here
from agent.signaling.sip.codes import BUSY, GONE
from agent.signaling.sip.dialog import Arrival, Dialog
from agent.signaling.sip.effects import CallReport, SendSip
from agent.signaling.sip.key_presses import PLAIN, RELAY, KeyPresses, key_of
from agent.signaling.sip.message import SipRequest, SipResponse
from agent.signaling.sip.offers import THEIR_LIMIT_S, OfferTurns, OurOffer, TheirOffer
from agent.signaling.sip.server_transactions import ServerTransaction
from agent.signaling.sip.session_text import as_offer, is_hold, is_same_peer
from agent.signaling.sip.writer import SDP

LEAVE_LIMIT_S: Final = 600.0  #: how long a BYE waits for a connection
PATH_LOST: Final = 503  # what our Reason says, when it is we who fail


class SipSession(CallPhase):
    """One established dialog and its session."""

    def __init__(self, desk: CallDesk, sid: str, flow: int, dialog: Dialog, *, is_ours: bool) -> None:
        """`is_ours`: we have called."""
        super().__init__(desk, sid, flow)
        self.dialog = dialog
        self._turns = OfferTurns(owns_call=is_ours, random=desk.random)
        self._keys = KeyPresses()
        self._local_sdp = self._remote_sdp = ""
        self._is_held = False
        self._unacked: ServerTransaction | None = None  # a 2xx of ours
        self._awaits_answer = False  # ... whose ACK brings one
        self._ack: SendSip | None = None  # our latest, for so long as the far end may wait for it
        self._ack_until = 0.0
        self._ack_is_lost = False
        self._leaving: str | None = None  # the reason of our BYE, which is due
        self._leave_by: float | None = None
        self._bye: ClientTransaction | None = None

    # Beginning

    def agreed(self, local_sdp: str, remote_sdp: str) -> None:
        """Take what both have described."""
        self._local_sdp, self._remote_sdp = local_sdp, remote_sdp or self._remote_sdp

    def accept(self, transaction: ServerTransaction, offer: str, sdp: str, now: float) -> list[CallReport]:
        """Answer their first INVITE."""
        return [*self._yes(transaction, offer, sdp, now), *self.hold_told(offer)]

    def acknowledge(self, invite: SipRequest, flow: int, now: float) -> SendSip:
        """Make the ACK of the 2xx to our INVITE; it goes out again if its connection is lost soon."""
        self._ack = SendSip(self.dialog.ack(self._desk.writer, invite), flow)
        self._ack_until, self._ack_is_lost = now + ANSWER_LIMIT_S, False
        return self._ack

    def hold_told(self, remote_sdp: str) -> list[CallReport]:
        """Tell the program when the far end begins or ceases to hold the call."""
        is_held = is_hold(remote_sdp) if remote_sdp else self._is_held
        if is_held == self._is_held:
            return []
        self._is_held = is_held
        return [self._tell("hold", held=is_held)]

    # What the program wants

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

    def press(self, digits: str, now: float) -> list[CallReport]:
        """Press keys by INFO."""
        self._keys.add(digits, now)
        return self._press_next(now)

    def hang_up(self, reason: str | None, now: float) -> list[CallReport]:
        """Say BYE."""
        if self._leaving is not None:
            return []
        self._leaving, self._leave_by = reason or "", now + LEAVE_LIMIT_S
        self._keys.clear()
        self._desk.leave(self)
        theirs, self._turns.theirs = self._turns.theirs, None
        said = [] if theirs is None else self._no(theirs, 487, now)
        return [*said, *self._say_bye(now)]

    # What happens

    def owns(self, request: SipRequest) -> bool:
        """Tell whether the far end means this dialog."""
        return self.dialog.owns(request)

    def take(self, request: SipRequest, flow: int, now: float) -> list[CallReport]:
        """Take a request of the far end."""
        arrival = self.dialog.arrived(request.cseq.number)
        if arrival is not Arrival.NEW:
            return [reply(self._desk, request, 482 if arrival is Arrival.AGAIN else 500, flow)]
        self.flow = flow
        match request.method:
            case "BYE":
                return [reply(self._desk, request, 200, flow), *self._ended(now)]
            case "INVITE" | "UPDATE":
                return self._offered(request, flow, now)
            case "INFO":
                return self._info(request, flow)
            case "OPTIONS":
                return [reply(self._desk, request, 200, flow, {"Accept": SDP})]
        return foreign(self._desk, request, flow)

    def cancelled(self, transaction: ServerTransaction, cancel: SipRequest, now: float) -> list[CallReport]:
        """Let go of their offer; the session goes on as it was."""
        theirs = self._turns.theirs
        if theirs is None or theirs.transaction is not transaction:
            return []
        self._turns.theirs = None
        return [*self._no(theirs, 487, now), *self._next_offer(now)]

    def acked(self, transaction: ServerTransaction, ack: SipRequest, now: float) -> list[CallReport]:
        """Go on: the far end knows that we said yes."""
        if transaction is not self._unacked:
            return []
        self._unacked = None
        effects: list[CallReport] = []
        sdp = description_of(ack)
        if self._awaits_answer and self._leaving is None:
            effects = self._answered_by_ack(sdp)
        self._awaits_answer = False
        if self._leaving is not None:
            return self._say_bye(now)
        return [*effects, *self._next_offer(now)]

    def flows_changed(self, now: float) -> list[CallReport]:
        """Say what waited for a way."""
        again = self._acknowledged_again(now)
        if self._leaving is not None:
            return [*again, *self._say_bye(now)]
        return [*again, *self._next_offer(now), *self._press_next(now)]

    def _acknowledged_again(self, now: float) -> list[CallReport]:
        """Say an ACK once more that may have been lost with its connection: without it the far end gives up."""
        if self._ack is None or now >= self._ack_until:
            return []
        way = self._desk.flow_near(self._ack.flow)
        self._ack_is_lost = self._ack_is_lost or way != self._ack.flow
        if way is None or not self._ack_is_lost:
            return []
        self._ack, self._ack_is_lost = SendSip(self._ack.message, way), False
        return [self._ack]

    def deadline(self) -> float | None:
        """Tell when `tick` is due."""
        if self._leaving is not None:
            return self._leave_by
        times = [self._turns.until]
        if self._has_way:
            times += [self._keys.due_at, self._turns.again_at if self._unacked is None else None]
        return min((time for time in times if time is not None), default=None)

    def tick(self, now: float) -> list[CallReport]:
        """Let time pass."""
        if self._leave_by is not None and now >= self._leave_by:
            return self._gone()
        if self._leaving is not None:
            return []
        late = self._turns.given_up(now)
        said = self._no(late, 488, now) if late is not None else []
        return [*said, *self._next_offer(now), *self._press_next(now)]

    @property
    def _has_way(self) -> bool:
        return self._desk.flow_near(self.flow) is not None

    # Ends

    def _ended(self, now: float) -> list[CallReport]:
        """The far end has said goodbye, or knows nothing of us."""
        was_leaving = self._leaving is not None
        theirs, self._turns.theirs = self._turns.theirs, None
        said = [] if theirs is None else self._no(theirs, 487, now)
        return [*said, *self._gone(), *([] if was_leaving else [self._tell("hangup")])]

    def _gone(self) -> list[CallReport]:
        self._leaving = self._leaving or ""
        self._leave_by = None
        self._keys.clear()
        self._desk.over(self)
        return []

    def _say_bye(self, now: float) -> list[CallReport]:
        if self._bye is not None or self._unacked is not None or not self._has_way:
            return []
        more = reason_header(PATH_LOST, self._leaving) if self._leaving else None
        request = self.dialog.request(self._desk.writer, "BYE", more=more)
        self._bye, effects = self._ask(request, self._bye_answered, self.dialog.renumber, now)
        return effects

    def _bye_answered(self, response: SipResponse, now: float) -> list[CallReport]:
        """End; what was lost with its connection is said again over the next one."""
        if response.status < 200:
            return []
        self._bye = None
        if is_made_here(response) and response.status != 408:
            return self._say_bye(now)
        return self._gone()

    def _unheard(self, now: float) -> list[CallReport]:
        """Nobody has taken our yes: the call is over (RFC 3261 section 13.3.1.4)."""
        self._unacked = None
        if self._leaving is not None:
            return self._say_bye(now)
        return [*self.hang_up(None, now), self._tell("hangup")]

    # Their offers

    def _offered(self, request: SipRequest, flow: int, now: float) -> list[CallReport]:
        self.dialog.retarget(request)
        sdp, is_invite = description_of(request), request.method == "INVITE"
        if is_foreign_body(request):
            return [reply(self._desk, request, 415, flow, {"Accept": SDP})]
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

    def _answered_by_ack(self, sdp: str) -> list[CallReport]:
        self.agreed(self._local_sdp, sdp)
        return [self._tell("answer", sdp=sdp), *self.hold_told(sdp)] if sdp else []

    # Our offers

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

    # Keys

    def _info(self, request: SipRequest, flow: int) -> list[CallReport]:
        key = key_of(request)
        if key is None and request.body.strip():
            return [reply(self._desk, request, 415, flow, {"Accept": f"{RELAY}, {PLAIN}"})]
        told = [self._tell("digit", digit=key)] if key and self._leaving is None else []
        return [reply(self._desk, request, 200, flow), *told]

    def _press_next(self, now: float) -> list[CallReport]:
        if self._leaving is not None or not self._has_way:
            return []
        due = self._keys.next(now)
        if due is None:
            return []
        request = self.dialog.request(self._desk.writer, "INFO", body=due[1], body_type=due[0])
        return self._ask(request, self._pressed, self.dialog.renumber, now)[1]

    def _pressed(self, response: SipResponse, now: float) -> list[CallReport]:
        if response.status < 200:
            return []
        if response.status == 481:
            return self._ended(now)
        self._keys.answered(response.status, now)
        return self._press_next(now)

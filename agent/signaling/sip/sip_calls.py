"""Every call of a box, and what is sent and asked because of them: requests and responses find their call here.

    response              -> its transaction
    ACK, CANCEL           -> the INVITE of the same name
    To has a tag          -> the call that has this dialog, or 481
    INVITE                -> a new call; another copy of one that is known gets 482 (RFC 3261 section 8.2.2.2)
    OPTIONS               -> what we can do
    all others            -> 405, 481, 489, 501 or 603: there is no transfer, no subscription and no text here
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Final

from agent.errors import InvalidArgumentError
from agent.log import SeldomLog, excerpt
from agent.signaling.sip.bodies import ACCEPTED, what_is_taken
from agent.signaling.sip.call_phase import CallPhase, foreign, is_foreign_body, reply
from agent.signaling.sip.client_transactions import ClientTransactions
from agent.signaling.sip.codes import UNSENDABLE
from agent.signaling.sip.digest import DigestClient
from agent.signaling.sip.effects import CallReport, SendSip, TellOfCall
from agent.signaling.sip.extensions import Refreshes, refusal_of
from agent.signaling.sip.incoming_call import IncomingCall
from agent.signaling.sip.message import SipRequest, SipResponse
from agent.signaling.sip.outgoing_call import OutgoingCall
from agent.signaling.sip.quoting import is_token
from agent.signaling.sip.server_transactions import ServerTransaction, ServerTransactions
from agent.signaling.sip.stories import dialled, parameters_of
from agent.signaling.sip.uri import names_in, target_uri
from agent.signaling.sip.writer import MessageWriter

log = logging.getLogger(__name__)
_strangers = SeldomLog(log)

MOST_CALLS: Final = 32
MOST_LEAVING: Final = 64
MOST_TARGETS: Final = 10  #: that one call rings, as of the voice service and of the switchboard
_OF_DIALOGS: Final = ("BYE", "INFO", "UPDATE", "PRACK", "NOTIFY")


class SipCalls:
    """The calls, by the names that the program has for them, and those that are over for the program alone."""

    def __init__(
        self,
        writer: MessageWriter,
        flow_near: Callable[[int], int | None],
        *,
        trusts: Callable[[int], bool],
        early_media: bool,
        random: Callable[[], float],
    ) -> None:
        """`flow_near(n)` names flow n, if it is open, or another one that is; None while none is.

        `trusts(n)` tells whether what the edge of flow n asserts about callers is true.
        """
        self.writer = writer
        self.flow_near = flow_near
        self.random = random
        self.clients = ClientTransactions(writer, DigestClient(writer.account.user, lambda: writer.account.password()))
        self.servers = ServerTransactions()
        self.takes_calls = True
        self.early_media = early_media  #: of calls that begin from now on
        self._trusts = trusts
        self._refreshes = Refreshes()
        self._phases: dict[str, CallPhase] = {}
        self._leaving: list[CallPhase] = []

    def __len__(self) -> int:
        return len(self._phases) + len(self._leaving)

    def __iter__(self) -> Iterator[CallPhase]:
        return iter([*self._phases.values(), *self._leaving])

    # What the phases say (call_phase.CallDesk)

    def enter(self, phase: CallPhase) -> None:
        """Take it in the place of the phase before."""
        self._phases[phase.sid] = phase

    def leave(self, phase: CallPhase) -> None:
        """Let it say its last words, unknown to the program."""
        self.over(phase)
        self._leaving.append(phase)
        if len(self._leaving) > MOST_LEAVING:
            del self._leaving[0]

    def over(self, phase: CallPhase) -> None:
        """Forget it."""
        if self._phases.get(phase.sid) is phase:
            del self._phases[phase.sid]
            self._refreshes.over(phase.sid)
        self._leaving = [one for one in self._leaving if one is not phase]

    # What the program wants

    def call(self, callsid: str, params: str, sdp: str, now: float) -> list[CallReport]:
        """Make a call under this name, which becomes its Call-ID; one that no message can carry fails at once.

        `To` may name several, with commas between them: they ring together.
        """
        try:
            return self._invite(callsid, params, sdp, now)
        except InvalidArgumentError as exc:
            return [TellOfCall("hangup", {"callsid": callsid, "error": UNSENDABLE.error(str(exc))})]

    def _invite(self, callsid: str, params: str, sdp: str, now: float) -> list[CallReport]:
        if not is_token(callsid) or callsid in self._phases:
            raise InvalidArgumentError(f"a call cannot be named {callsid!r}")
        whom, headers = dialled(params)
        names, domain = names_in(whom), self.writer.account.domain
        if len(names) > MOST_TARGETS:
            raise InvalidArgumentError(f"{len(names)} are called at once; the most is {MOST_TARGETS}")
        targets: dict[str, str] = {}
        for name in names:
            targets.setdefault(target_uri(name, domain), name)
        phase = OutgoingCall(self, callsid, early_media=self.early_media)
        return phase.begin(targets, sdp, {**self.writer.account.headers, **headers}, now)

    def phase_of(self, callsid: str | None) -> CallPhase:
        """Find a call; for a name that means none, one that does nothing."""
        return self._phases.get(callsid or "") or CallPhase(self, callsid or "", 0)

    def end_all(self, now: float) -> list[CallReport]:
        """Hang up every call."""
        return [effect for phase in list(self._phases.values()) for effect in phase.hang_up(None, now)]

    # What comes in

    def take_response(self, response: SipResponse, now: float) -> list[CallReport]:
        """Take a response to anything but REGISTER."""
        return self.clients.take(response, now)

    def take_request(self, request: SipRequest, flow: int, now: float) -> list[CallReport]:
        """Take a request."""
        if request.method == "ACK":
            return self._acked(request, now)
        if request.method == "CANCEL":
            return self._cancelled(request, flow, now)
        if (refusal := refusal_of(request)) is not None:
            return [reply(self, request, refusal[0], flow, refusal[1])]
        if request.to.tag:
            return self._within(request, flow, now)
        if request.method == "INVITE":
            return self._invited(request, flow, now)
        if request.method == "OPTIONS":
            return [reply(self, request, 200, flow, {**ACCEPTED, **dict(self.writer.abilities())})]
        if request.method in _OF_DIALOGS:
            return [reply(self, request, 481, flow)]
        return foreign(self, request, flow)

    def _acked(self, ack: SipRequest, now: float) -> list[CallReport]:
        transaction = self.servers.find(ack)
        if transaction is None or transaction.is_open:
            return []
        self.servers.settle(transaction, now)
        return transaction.acked(ack, now)

    def _cancelled(self, cancel: SipRequest, flow: int, now: float) -> list[CallReport]:
        transaction = self.servers.find(cancel)
        if transaction is None or transaction.branch != cancel.via[0].branch:
            return [reply(self, cancel, 481, flow)]
        said: list[CallReport] = [SendSip(self.writer.response(cancel, 200, transaction.tag), flow)]
        if not transaction.is_open:
            return said  # it crosses our answer, which holds
        return [*said, *(effect for phase in self for effect in phase.cancelled(transaction, cancel, now))]

    def _within(self, request: SipRequest, flow: int, now: float) -> list[CallReport]:
        known = self.servers.find(request) if request.method == "INVITE" else None
        if known is not None and known.branch == request.via[0].branch:
            return known.repeated()
        phase = next((phase for phase in self if phase.owns(request)), None)
        if phase is None:
            return [reply(self, request, 481, flow)]
        self._refreshes.asked(phase.sid, request, now)
        return phase.take(request, flow, now)

    def _invited(self, invite: SipRequest, flow: int, now: float) -> list[CallReport]:
        known = self.servers.find(invite)
        if known is not None and known.branch == invite.via[0].branch:
            return known.repeated()
        transaction = ServerTransaction(invite, flow, self.writer.token())
        if known is not None and self.flow_near(known.flow) != known.flow:
            ringing = (phase for phase in self if isinstance(phase, IncomingCall) and phase.transaction is known)
            return [effect for phase in ringing for effect in phase.adopt(transaction, now)]
        if (status := self._refusal(invite)) is not None:
            return [reply(self, invite, status, flow, what_is_taken(invite.headers) if status == 415 else None)]
        self.servers.add(transaction)
        phase = IncomingCall(self, transaction, now)
        self.enter(phase)
        self._refreshes.asked(phase.sid, invite, now)
        return phase.announce(parameters_of(invite, trusts_edge=self._trusts(flow)))

    def _refusal(self, invite: SipRequest) -> int | None:
        """Tell with which status a new INVITE is refused; None: it is not."""
        is_own = any(phase.goes_by(invite.call_id) for phase in self._phases.values())
        if is_own or self.servers.find(invite) is not None or self.servers.was_here(invite):
            return 482
        if not self.takes_calls:
            return 480
        if is_foreign_body(invite):
            return 415
        if len(self._phases) >= MOST_CALLS:
            _strangers.warning("a call from %s is refused: there are %d already", excerpt(invite.from_.uri), MOST_CALLS)
            return 486
        return None

    # What becomes of the way, and of the time

    def flow_lost(self, flow: int, now: float) -> list[CallReport]:
        """End what went over this flow, and say over another one what has to be said."""
        return [*self.clients.lost(flow, now), *self.flows_changed(now)]

    def flows_changed(self, now: float) -> list[CallReport]:
        """Say what waited for a way."""
        return [effect for phase in self for effect in phase.flows_changed(now)]

    def probe(self, now: float) -> list[CallReport]:
        """See of each call whether the far end still has it."""
        return [effect for phase in self for effect in phase.probe(now)]

    def deadline(self) -> float | None:
        """Tell when `tick` is due; None when nothing is awaited."""
        parts = (self.clients, self.servers, self._refreshes, *self)
        times = [part.deadline() for part in parts]
        return min((time for time in times if time is not None), default=None)

    def tick(self, now: float) -> list[CallReport]:
        """Let time pass."""
        effects = [*self.clients.tick(now), *self.servers.tick(now)]
        for sid in self._refreshes.due(now):
            effects += self.phase_of(sid).probe(now)
        for phase in self:
            due = phase.deadline()
            effects += phase.tick(now) if due is not None and now >= due else []
        return effects

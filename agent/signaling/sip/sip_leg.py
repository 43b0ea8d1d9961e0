"""One INVITE of a call of ours, until its last word (RFC 3261 sections 9.1 and 13.2).

The PBX may let several phones ring for it, and several may answer: the first one is this leg's, each further one is
told at once that it is over. What a provisional response describes is never the answer, which comes with the 200.
"""

from __future__ import annotations

from typing import Protocol

from agent.signaling.sip.call_phase import CallDesk, CallPhase, description_of, foreign, reply
from agent.signaling.sip.client_transactions import ClientTransaction, is_made_here
from agent.signaling.sip.dialog import Dialog
from agent.signaling.sip.effects import CallReport
from agent.signaling.sip.header_values import NameAddr
from agent.signaling.sip.legs import LegEnd
from agent.signaling.sip.message import SipRequest, SipResponse, write_message
from agent.signaling.sip.sip_session import SipSession
from agent.signaling.sip.writer import HeaderLines

SILENT_PROGRESS = 199  # one of several phones has given up (RFC 6228)


class LegOwner(Protocol):
    """The call that a leg belongs to."""

    def leg_rings(self, leg: SipLeg, sdp: str) -> list[CallReport]: ...  # `sdp` of its early media, or empty

    def leg_answered(self, leg: SipLeg, now: float) -> list[CallReport]: ...  # `session` and `answer` are set

    def leg_ended(self, leg: SipLeg, end: LegEnd, now: float) -> list[CallReport]: ...


class SipLeg(CallPhase):
    """One who is called."""

    def __init__(self, desk: CallDesk, sid: str, owner: LegOwner, number: int, call_id: str) -> None:
        super().__init__(desk, sid, 0)
        self.number = number  #: among the legs of the call
        self.call_id = call_id
        self.target = ""
        self.session: SipSession | None = None  #: of the first phone that has answered
        self.answer_sdp = ""  #: what that described; empty where nobody could hear it
        self._owner = owner
        self._early_sdp = ""
        self._request: SipRequest | None = None
        self._transaction: ClientTransaction | None = None

    def write(self, target: str, sdp: str, more: HeaderLines) -> None:
        """Make the INVITE to this URI; raises InvalidArgumentError for what no message can carry."""
        account, writer = self._desk.writer.account, self._desk.writer
        ours = NameAddr(account.address_of_record, account.display_name).tagged(writer.token())
        ends = ours, NameAddr(target)
        self.target = target
        self._request = writer.request("INVITE", target, ends, self.call_id, 1, more=more, body=sdp)
        write_message(self._request)

    def begin(self, now: float) -> list[CallReport]:
        """Send it."""
        assert self._request is not None
        self._transaction, effects = self._ask(self._request, self._heard, lambda number: None, now)
        return effects

    def take_back(self, why: HeaderLines | None, now: float) -> list[CallReport]:
        """Cancel it; `why` goes along."""
        return [] if self._transaction is None else self._desk.clients.cancel(self._transaction, now, why)

    def turn_down(self, now: float) -> list[CallReport]:
        """End what was answered."""
        return [] if self.session is None else self.session.hang_up(None, now)

    def owns(self, request: SipRequest) -> bool:
        """Tell whether a phone that rings means this leg."""
        ours = self._request
        return ours is not None and (request.call_id, request.to.tag) == (self.call_id, ours.from_.tag)

    def take(self, request: SipRequest, flow: int, now: float) -> list[CallReport]:
        """Answer what is asked before the answer; nothing of the call changes."""
        if request.method in ("OPTIONS", "INFO"):
            return [reply(self._desk, request, 200, flow)]
        if request.method in ("UPDATE", "INVITE"):
            return [reply(self._desk, request, 491 if description_of(request) else 200, flow)]
        return foreign(self._desk, request, flow)

    def _heard(self, response: SipResponse, now: float) -> list[CallReport]:
        if response.status < 200:
            return self._progress(response)
        if response.status < 300:
            return self._answered(response, now)
        if is_made_here(response) and self._may_go_elsewhere():
            return self._again(now)
        end = LegEnd(response.status, response.phrase, is_ours=is_made_here(response))
        return self._owner.leg_ended(self, end, now)

    def _may_go_elsewhere(self) -> bool:
        """Tell whether the edge died before it had shown that it knew the call, while another one is there."""
        asked, flow = self._transaction, self._desk.flow_near(self.flow)
        return asked is not None and not (asked.is_answered or asked.is_cancelled) and flow not in (None, self.flow)

    def _again(self, now: float) -> list[CallReport]:
        assert self._transaction is not None
        asked = self._transaction.request
        request = self._desk.writer.renewed(asked, asked.headers)
        self._transaction, effects = self._ask(request, self._heard, lambda number: None, now)
        return effects

    def _progress(self, response: SipResponse) -> list[CallReport]:
        if response.status == SILENT_PROGRESS:
            return []
        sdp = description_of(response)
        self._early_sdp = sdp or self._early_sdp
        return self._owner.leg_rings(self, sdp)

    def _answered(self, response: SipResponse, now: float) -> list[CallReport]:
        assert self._transaction is not None
        invite, flow = self._transaction.request, self._transaction.flow
        dialog = Dialog.of_answer(invite, response)
        if self.session is not None and self.session.dialog.remote.tag == dialog.remote.tag:
            return [self.session.acknowledge(invite, flow, now)]  # once more: our ACK did not come through
        session = SipSession(self._desk, self.sid, flow, dialog, is_ours=True)
        ack = session.acknowledge(invite, flow, now)
        if self.session is not None:
            return [ack, *session.hang_up(None, now)]
        self.session, self.answer_sdp = session, description_of(response) or self._early_sdp
        session.agreed(invite.body, self.answer_sdp)
        return [ack, *self._owner.leg_answered(self, now)]

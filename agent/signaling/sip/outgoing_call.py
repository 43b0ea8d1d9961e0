"""A call of ours until it is answered (RFC 3261 sections 9.1 and 13.2).

Several phones may ring, and several may answer: the first one has the call, each further one is told at once that it
is over. What a provisional response describes is for the program only if it wants to hear early media; it is never the
answer, which comes with the 200. A call that is taken back ends for the far end when that has told its last word.
"""

from __future__ import annotations

from agent.signaling.sip.call_phase import CallDesk, CallPhase, description_of, foreign, reply
from agent.signaling.sip.client_transactions import ClientTransaction, is_made_here
from agent.signaling.sip.codes import LOST, call_end
from agent.signaling.sip.dialog import Dialog
from agent.signaling.sip.effects import CallReport
from agent.signaling.sip.header_values import NameAddr
from agent.signaling.sip.message import SipRequest, SipResponse, write_message
from agent.signaling.sip.session_text import is_same_peer
from agent.signaling.sip.sip_session import SipSession
from agent.signaling.sip.writer import HeaderLines

SILENT_PROGRESS = 199  # one of several phones has given up (RFC 6228)
NO_DESCRIPTION = {"code": 31000, "message": "The far side answered without a session description."}


class OutgoingCall(CallPhase):
    """Our INVITE, and what comes of it."""

    def __init__(self, desk: CallDesk, sid: str, *, early_media: bool) -> None:
        super().__init__(desk, sid, 0)
        self._early_media = early_media
        self._early_sdp = ""
        self._told_sdp = ""  # what the program hears before the answer
        self._transaction: ClientTransaction | None = None
        self._sdp = ""
        self._is_over = False  # for us
        self._session: SipSession | None = None

    def begin(self, target: str, sdp: str, more: HeaderLines, now: float) -> list[CallReport]:
        """Send the INVITE to this URI; raises InvalidArgumentError for what no message can carry."""
        flow = self._desk.flow_near(0)
        if flow is None:
            self._desk.over(self)
            return [self._tell("hangup", error=LOST.error("no connection"))]
        self.flow, self._sdp = flow, sdp
        account, writer = self._desk.writer.account, self._desk.writer
        ours = NameAddr(account.address_of_record, account.display_name).tagged(writer.token())
        request = writer.request("INVITE", target, (ours, NameAddr(target)), self.sid, 1, more=more, body=sdp)
        write_message(request)
        self._desk.enter(self)
        self._transaction, effects = self._ask(request, self._heard, lambda number: None, now)
        return effects

    def hang_up(self, reason: str | None, now: float) -> list[CallReport]:
        """Take it back."""
        if self._is_over or self._transaction is None:
            return []
        self._is_over = True
        return self._desk.clients.cancel(self._transaction, now)

    def owns(self, request: SipRequest) -> bool:
        """Tell whether a phone that rings means this call."""
        ours = self._transaction.request if self._transaction is not None else None
        return ours is not None and (request.call_id, request.to.tag) == (self.sid, ours.from_.tag)

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
        was_over, self._is_over = self._is_over, True
        self._desk.over(self)
        if was_over:
            return []
        return [self._tell("hangup", **call_end(response.status, response.phrase, is_ours=is_made_here(response)))]

    def _may_go_elsewhere(self) -> bool:
        """Tell whether the edge died before it had shown that it knew the call, while another one is there."""
        asked, flow = self._transaction, self._desk.flow_near(self.flow)
        return asked is not None and not (asked.is_answered or self._is_over) and flow not in (None, self.flow)

    def _again(self, now: float) -> list[CallReport]:
        assert self._transaction is not None
        asked = self._transaction.request
        request = self._desk.writer.renewed(asked, asked.headers)
        self._transaction, effects = self._ask(request, self._heard, lambda number: None, now)
        return effects

    def _progress(self, response: SipResponse) -> list[CallReport]:
        if self._is_over or response.status == SILENT_PROGRESS:
            return []
        self._early_sdp = description_of(response) or self._early_sdp
        if self._early_media and description_of(response):
            self._told_sdp = self._told_sdp or description_of(response)
            return [self._tell("ringing", sdp=description_of(response))]
        return [self._tell("ringing")]

    def _answered(self, response: SipResponse, now: float) -> list[CallReport]:
        assert self._transaction is not None
        invite, flow = self._transaction.request, self._transaction.flow
        dialog = Dialog.of_answer(invite, response)
        if self._session is not None and self._session.dialog.remote.tag == dialog.remote.tag:
            return [self._session.acknowledge(invite, flow, now)]  # once more: our ACK did not come through
        session = SipSession(self._desk, self.sid, flow, dialog, is_ours=True)
        ack = session.acknowledge(invite, flow, now)
        sdp = description_of(response) or self._early_sdp
        if self._session is not None or self._is_over or not sdp:
            return [ack, *self._refuse(session, now)]
        self._session = session
        session.agreed(self._sdp, sdp)
        self._desk.enter(session)
        is_other = bool(self._told_sdp) and not is_same_peer(self._told_sdp, sdp)
        told = self._tell("answer", sdp=sdp, **({"fork": True} if is_other else {}))
        return [ack, told, *session.hold_told(sdp)]

    def _refuse(self, session: SipSession, now: float) -> list[CallReport]:
        """End what another phone has answered, or what was taken back, or what nobody could hear."""
        is_other = self._session is not None
        told: list[CallReport] = []
        if not is_other and not self._is_over:
            told = [self._tell("hangup", error=dict(NO_DESCRIPTION))]
        if not is_other:
            self._is_over = True
            self._session = session
            self._desk.over(self)
        return [*session.hang_up(None, now), *told]

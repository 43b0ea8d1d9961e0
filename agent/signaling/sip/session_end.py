"""How an answered call ends (RFC 3261 sections 13.3.1.4 and 15), and the ACKs without which it would.

    their BYE                -> `hangup`
    our BYE                  goes out when the far end knows that we had said yes, and when there is a way
    408, 481                 there is no such call any more -> `hangup`
    no ACK of our yes        BYE, and -> `hangup`
    our ACK                  goes out again if its connection is lost soon
"""

from __future__ import annotations

from typing import Final

from agent.signaling.sip.call_phase import CallDesk, CallPhase, reason_header
from agent.signaling.sip.client_transactions import ANSWER_LIMIT_S, ClientTransaction, is_made_here
from agent.signaling.sip.dialog import Dialog
from agent.signaling.sip.effects import CallReport, SendSip
from agent.signaling.sip.message import SipRequest, SipResponse
from agent.signaling.sip.server_transactions import ServerTransaction

LEAVE_LIMIT_S: Final = 600.0  #: how long a BYE waits for a connection
PATH_LOST: Final = 503  # what our Reason says, when it is we who fail


class SessionEnd(CallPhase):
    """One established dialog until it is over on both sides."""

    def __init__(self, desk: CallDesk, sid: str, flow: int, dialog: Dialog) -> None:
        super().__init__(desk, sid, flow)
        self.dialog = dialog
        self._unacked: ServerTransaction | None = None  # a 2xx of ours
        self._ack: SendSip | None = None  # our latest, for so long as the far end may wait for it
        self._ack_until = 0.0
        self._ack_is_lost = False
        self._leaving: str | None = None  # the reason of our BYE, which is due
        self._leave_by: float | None = None
        self._bye: ClientTransaction | None = None

    # What a session does besides

    def _let_go(self, now: float) -> list[CallReport]:
        """Give up what is under way: the call is over."""
        return []

    def _go_on(self, now: float) -> list[CallReport]:
        """Do what is due in a call that is not over."""
        return []

    # What happens

    def goes_by(self, call_id: str) -> bool:
        """Tell whether this is its Call-ID."""
        return call_id == self.dialog.call_id

    def owns(self, request: SipRequest) -> bool:
        """Tell whether the far end means this dialog."""
        return self.dialog.owns(request)

    def flows_changed(self, now: float) -> list[CallReport]:
        """Say what waited for a way."""
        return [*self._acknowledged_again(now), *self._next(now)]

    def deadline(self) -> float | None:
        """Tell until when a BYE may wait for a way."""
        return self._leave_by

    def tick(self, now: float) -> list[CallReport]:
        """Let time pass."""
        return self._gone() if self._leave_by is not None and now >= self._leave_by else []

    @property
    def _has_way(self) -> bool:
        return self._desk.flow_near(self.flow) is not None

    def _next(self, now: float) -> list[CallReport]:
        return self._go_on(now) if self._leaving is None else self._say_bye(now)

    # ACKs

    def acknowledge(self, invite: SipRequest, flow: int, now: float) -> SendSip:
        """Make the ACK of the 2xx to our INVITE; it goes out again if its connection is lost soon."""
        self._ack = SendSip(self.dialog.ack(self._desk.writer, invite), flow)
        self._ack_until, self._ack_is_lost = now + ANSWER_LIMIT_S, False
        return self._ack

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

    def _unheard(self, now: float) -> list[CallReport]:
        """Nobody has taken our yes: the call is over (RFC 3261 section 13.3.1.4)."""
        self._unacked = None
        if self._leaving is not None:
            return self._say_bye(now)
        return [*self.hang_up(None, now), self._tell("hangup")]

    # Ends

    def hang_up(self, reason: str | None, now: float) -> list[CallReport]:
        """Say BYE."""
        if self._leaving is not None:
            return []
        self._leaving, self._leave_by = reason or "", now + LEAVE_LIMIT_S
        self._desk.leave(self)
        return [*self._let_go(now), *self._say_bye(now)]

    def _ended(self, now: float) -> list[CallReport]:
        """The far end has said goodbye, or knows nothing of us."""
        was_leaving = self._leaving is not None
        return [*self._let_go(now), *self._gone(), *([] if was_leaving else [self._tell("hangup")])]

    def _gone(self) -> list[CallReport]:
        self._leaving = self._leaving or ""
        self._leave_by = None
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

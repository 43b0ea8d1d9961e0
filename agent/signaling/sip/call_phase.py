"""What every call is, whatever it is doing: it hears requests, wishes and the time, and says what is to be done.

A call goes through phases: it is made (`OutgoingCall`) or comes (`IncomingCall`), and once it is answered it is a
`SipSession` until its end. Each phase has its own object; what means nothing in a phase changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

from agent.signaling.sip.bodies import session_part
from agent.signaling.sip.client_transactions import ClientTransaction, ClientTransactions
from agent.signaling.sip.codes import phrase_of
from agent.signaling.sip.effects import CallReport, SendSip, TellOfCall
from agent.signaling.sip.message import SipMessage, SipRequest
from agent.signaling.sip.server_transactions import ServerTransaction, ServerTransactions
from agent.signaling.sip.writer import METHODS, HeaderLines, MessageWriter

#: What is said of a call that is not taken, by the program's reason (agent.voice.stream_extras.NotTaken).
DECLINED: Final[dict[str, int]] = {"busy": 486, "do_not_disturb": 480, "too_many": 486, "unusable": 488}

#: What requests within a call get that mean nothing to us: no transfer, no subscription, no text.
_FOREIGN: Final = {"REFER": 603, "SUBSCRIBE": 489, "NOTIFY": 481, "MESSAGE": 405, "PUBLISH": 405, "REGISTER": 405,
                   "PRACK": 481}  # fmt: skip


class CallDesk(Protocol):
    """What the phases of all calls share."""

    writer: MessageWriter
    clients: ClientTransactions
    servers: ServerTransactions

    def flow_near(self, flow: int) -> int | None: ...  # this one, or another one that is open; None: no flow is

    def enter(self, phase: CallPhase) -> None: ...  # in the place of the phase before it

    def leave(self, phase: CallPhase) -> None: ...  # it is over for the program, but not yet for the far end

    def over(self, phase: CallPhase) -> None: ...  # there is no such call any more

    def random(self) -> float: ...


class CallPhase:
    """The part of a call between two of its turning points."""

    def __init__(self, desk: CallDesk, sid: str, flow: int) -> None:
        self.sid = sid  #: the name of the call towards the program
        self.flow = flow  #: by which it was heard of last
        self._desk = desk

    # What the program wants

    def answer(self, sdp: str, now: float) -> list[CallReport]:
        """Take the call, or their new offer."""
        return []

    def reject(self, status: int, now: float) -> list[CallReport]:
        """Refuse it."""
        return []

    def decline(self, why: str, now: float) -> list[CallReport]:
        """Say that their offer is not taken."""
        return []

    def hang_up(self, reason: str | None, now: float) -> list[CallReport]:
        """End it."""
        return []

    def offer(self, sdp: str, now: float) -> list[CallReport]:
        """Make a new offer within the call."""
        return []

    def press(self, digits: str, now: float) -> list[CallReport]:
        """Press keys."""
        return []

    # What happens

    def goes_by(self, call_id: str) -> bool:
        """Tell whether this is its Call-ID, or one of them."""
        return call_id == self.sid

    def owns(self, request: SipRequest) -> bool:
        """Tell whether a request within a dialog is about it."""
        return False

    def take(self, request: SipRequest, flow: int, now: float) -> list[CallReport]:
        """Take such a request."""
        return foreign(self._desk, request, flow)

    def cancelled(self, transaction: ServerTransaction, cancel: SipRequest, now: float) -> list[CallReport]:
        """Take the CANCEL of an INVITE, if it is about this one."""
        return []

    def flows_changed(self, now: float) -> list[CallReport]:
        """Do what waited for a way; the flows that are open are others than before."""
        return []

    def probe(self, now: float) -> list[CallReport]:
        """Find out whether the far end still has the call, and tell it where we are."""
        return []

    def deadline(self) -> float | None:
        """Tell when `tick` is due; None when nothing is awaited."""
        return None

    def tick(self, now: float) -> list[CallReport]:
        """Let time pass."""
        return []

    # Helpers

    def _tell(self, event: str, **payload: Any) -> TellOfCall:
        return TellOfCall(event, {"callsid": self.sid, **payload})

    def _ask(
        self, request: SipRequest, hear: Callable[..., list[CallReport]], renumber: Callable[[int], None], now: float
    ) -> tuple[ClientTransaction, list[CallReport]]:
        """Send a request of ours over its flow, or another one."""
        flow = self._desk.flow_near(self.flow)
        self.flow = self.flow if flow is None else flow
        transaction = ClientTransaction(request, self.flow, hear, renumber)
        return transaction, self._desk.clients.begin(transaction, now)


def reply(
    desk: CallDesk, request: SipRequest, status: int, flow: int, more: HeaderLines | None = None, body: str = ""
) -> SendSip:
    """Answer a request that needs no more than that."""
    return SendSip(desk.writer.response(request, status, desk.writer.token(), more=more, body=body), flow)


def foreign(desk: CallDesk, request: SipRequest, flow: int) -> list[CallReport]:
    """Answer what has no meaning here (RFC 3261 section 8.2.1)."""
    status = _FOREIGN.get(request.method, 405 if request.method in METHODS else 501)
    return [reply(desk, request, status, flow, {"Allow": ", ".join(METHODS)} if status == 405 else None)]


def description_of(message: SipMessage) -> str:
    """Return the session description that a message carries; empty where it has none."""
    return session_part(message.headers, message.body)


def is_foreign_body(message: SipMessage) -> bool:
    """Tell whether it carries something else."""
    return bool(message.body.strip()) and not description_of(message)


def reason_header(status: int, text: str) -> HeaderLines:
    """Make the Reason of a BYE or a CANCEL (RFC 3326)."""
    words = "".join(char if char.isprintable() and char not in '"\\' else " " for char in text)[:120]
    return {"Reason": f'SIP;cause={status};text="{words or phrase_of(status)}"'}

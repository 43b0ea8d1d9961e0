"""What the cores of SIP return: words from one to another, and what is left for the shell to do.

    SipStream (shell)      sockets, one alarm, listeners
    UserAgent (core)       transactions, dialogs, calls
      Flows                one connection to an edge each (RFC 5626), numbered by its reg-id: 1, 2
      SipRegistration      one a flow

A message is written on the flow that it belongs to: an answer on that of its request, everything else on any that is
open. Times are monotonic seconds and come in with each event.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from agent.signaling.sip.message import SipRequest, SipResponse

# For the shell


@dataclass(frozen=True)
class DialEdge:
    """Start a socket for this flow; it reports under both numbers."""

    flow: int
    attempt: int
    uri: str


@dataclass(frozen=True)
class WriteText:
    """Write one WebSocket message on the socket of this number; if that fails, the flow hears of it."""

    flow: int
    attempt: int
    text: str


@dataclass(frozen=True)
class CloseEdge:
    """Say goodbye on this flow's socket; it reports nothing any more."""

    flow: int


@dataclass(frozen=True)
class TellListeners:
    """Emit an event of the stream; `status` is the one that belongs to it.

    What a stream has not told yet when it is destroyed, it never tells, but for what is `after_end`.
    """

    event: str
    payload: dict[str, Any]
    status: str
    after_end: bool = False


# From a flow, for the user agent


@dataclass(frozen=True)
class FlowOpened:
    """Messages can be sent on this flow from now on."""

    flow: int
    uri: str


@dataclass(frozen=True)
class FlowClosed:
    """Messages can be sent no longer, or a try to connect has failed; the flow goes on by itself."""

    flow: int


@dataclass(frozen=True)
class FlowFailed:
    """Something went wrong: `{code, message, twilioError}`."""

    flow: int
    error: dict[str, Any]


@dataclass(frozen=True)
class FlowReceived:
    """One message of the edge; a keep-alive is none."""

    flow: int
    data: str | bytes


# From a registration, for the user agent


@dataclass(frozen=True)
class SendRegister:
    """Send this on its own flow; its final response goes to `SipRegistration.answered`."""

    flow: int
    request: SipRequest


@dataclass(frozen=True)
class RegistrationGranted:
    """The edge has taken it, or taken it again; `gruu` is the public one (RFC 5627), if there is one.

    `flow_timer_s` is how often the edge wants to hear from us (RFC 5626 section 4.4); None where it said nothing.
    `phones` are all that have this user now: the instance of each, or its address where it has none.
    """

    flow: int
    granted_s: float
    gruu: str | None = None
    flow_timer_s: float | None = None
    phones: frozenset[str] = frozenset()


@dataclass(frozen=True)
class RegistrationEnded:
    """The edge does not have us any more, as was asked."""

    flow: int


@dataclass(frozen=True)
class RegistrationRefused:
    """The edge will not have us; the registration tries again by itself, later. 408: no answer came."""

    flow: int
    status: int
    reason: str


@dataclass(frozen=True)
class InstanceShared:
    """Another box registers with this one's instance: each takes the other's calls in turn. Told once."""

    flow: int


# From a transaction or a call, for the user agent


@dataclass(frozen=True)
class SendSip:
    """Write this on its flow; on another one where that is closed."""

    message: SipRequest | SipResponse
    flow: int


@dataclass(frozen=True)
class TellOfCall:
    """Emit an event about a call."""

    event: str
    payload: dict[str, Any]


# From the user agent, for a flow


@dataclass(frozen=True)
class OpenFlows:
    """Connect, and stay connected."""


@dataclass(frozen=True)
class CloseFlows:
    """Disconnect for good."""


@dataclass(frozen=True)
class WriteOnFlow:
    """Send this on a flow that is open."""

    flow: int
    text: str


@dataclass(frozen=True)
class LeaveEdge:
    """Give up this flow's connection and try the next edge: this one answers, but not as it must."""

    flow: int
    why: str


@dataclass(frozen=True)
class KeepAlive:
    """Ping as often as this edge wants from now on."""

    flow: int
    flow_timer_s: float | None


FlowReport: TypeAlias = FlowOpened | FlowClosed | FlowFailed | FlowReceived
FlowOrder: TypeAlias = OpenFlows | CloseFlows | WriteOnFlow | LeaveEdge | KeepAlive
CallReport: TypeAlias = SendSip | TellOfCall
RegistrationReport: TypeAlias = (
    SendRegister | RegistrationGranted | RegistrationEnded | RegistrationRefused | InstanceShared
)
SipShellEffect: TypeAlias = DialEdge | WriteText | CloseEdge | TellListeners
SipOwnEffect: TypeAlias = FlowReport | FlowOrder | RegistrationReport | CallReport  # that one core has for another
SipEffect: TypeAlias = SipShellEffect | SipOwnEffect

"""What Link and PStream return: words between the two, and what is left for the shell to do."""

from __future__ import annotations

from dataclasses import dataclass

from agent.signaling.pstream.messages import OutboundFrame, Payload

# For the shell: the socket, and the listeners


@dataclass(frozen=True)
class Dial:
    """Start a socket; it reports under this number."""

    attempt: int
    uri: str


@dataclass(frozen=True)
class WriteFrame:
    """Send this on the socket; if that fails, `Link.write_failed` is the next event."""

    attempt: int
    frame: OutboundFrame


@dataclass(frozen=True)
class CloseSocket:
    """Say goodbye once everything written is out; the socket reports nothing any more."""


@dataclass(frozen=True)
class Emit:
    """Tell the listeners.

    The stream has gone on already; `status` is the one that belongs to the event. `after_end` says whether the stream
    was destroyed by then: what a stream has not told yet when it is destroyed, it never tells.
    """

    event: str
    payload: Payload
    status: str
    after_end: bool = False


# From the link, for the stream


@dataclass(frozen=True)
class LinkOpened:
    """Frames can be sent from now on."""


@dataclass(frozen=True)
class LinkClosed:
    """Frames can be sent no longer, or a try to connect has failed; the link goes on by itself."""


@dataclass(frozen=True)
class LinkFailed:
    """Something went wrong: `{code, message, twilioError}`."""

    error: Payload


@dataclass(frozen=True)
class LinkMessage:
    """One frame of the server."""

    data: str | bytes


@dataclass(frozen=True)
class LinkUnsent:
    """This frame did not go out, and never will by itself."""

    frame: OutboundFrame


# From the stream, for the link


@dataclass(frozen=True)
class OpenLink:
    """Connect, and stay connected."""


@dataclass(frozen=True)
class CloseLink:
    """Disconnect for good."""


@dataclass(frozen=True)
class SendFrame:
    """Send this over the open connection."""

    frame: OutboundFrame


@dataclass(frozen=True)
class PreferEdge:
    """Try the address that is in use before all others from now on, or the one of this edge of the same service."""

    edge: str | None


@dataclass(frozen=True)
class ForgetPreference:
    """Try the addresses in turn again."""


@dataclass(frozen=True)
class HoldOff:
    """Wait so long before the first try after the next loss: the server asks for it."""

    retry_after_s: float


LinkReport = LinkOpened | LinkClosed | LinkFailed | LinkMessage | LinkUnsent
LinkOrder = OpenLink | CloseLink | SendFrame | PreferEdge | ForgetPreference | HoldOff
ShellEffect = Dial | WriteFrame | CloseSocket | Emit
LinkEffect = Dial | WriteFrame | CloseSocket | LinkReport
StreamEffect = LinkOrder | Emit

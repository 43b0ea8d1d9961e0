"""What the switchboard's cores decide and its shells carry out (see agent/effects.py). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.signaling.pstream.names import Member, MessageType
from agent.signaling.pstream.payloads import error_payload
from agent.switchboard.call_leg import CallLeg, LegPhase

if TYPE_CHECKING:
    from agent.signaling.pstream.messages import Message, Payload
    from agent.switchboard.refusals import CallRefusal

# Of a client's session


@dataclass(frozen=True)
class SendText:
    """Send this text frame."""

    text: str


@dataclass(frozen=True)
class CloseClient:
    """Close the client's socket with this WebSocket code (RFC 6455 section 7.4)."""

    code: int
    reason: str


@dataclass(frozen=True)
class SetReachable:
    """Let calls to the identity ring at this client, or no longer."""

    reachable: bool


@dataclass(frozen=True)
class CallRequest:
    """Hand a message about a call, from a client that has access, to the calls."""

    message: Message


@dataclass(frozen=True)
class HasRead:
    """The client has read all that it was told until it was asked about that."""


SessionEffect = SendText | CloseClient | SetReachable | CallRequest | HasRead

# Of a call


@dataclass(frozen=True)
class Tell:
    """Send the leg's client a message."""

    leg: CallLeg
    type: str
    payload: Payload


@dataclass(frozen=True)
class TellClient:
    """Send a client a message that belongs to no leg of its own, or only to the socket that asked."""

    client_id: int
    type: str
    payload: Payload


@dataclass(frozen=True)
class MakeOffer:
    """Make media for a callee; the result is an offer. `codecs` are what the caller speaks, in its order."""

    leg: CallLeg
    codecs: tuple[str, ...]


@dataclass(frozen=True)
class TakeAnswer:
    """Apply the callee's answer; there is no result but success."""

    leg: CallLeg
    sdp: str


@dataclass(frozen=True)
class MakeAnswer:
    """Make media for the caller, with the codec of `like` if it can; the result is an answer."""

    leg: CallLeg
    sdp: str
    like: CallLeg | None


@dataclass(frozen=True)
class Restart:
    """Answer an offer to restart ICE; the result is an answer."""

    leg: CallLeg
    sdp: str


@dataclass(frozen=True)
class Replace:
    """Make media anew for a client that lost its own; the result is an answer."""

    leg: CallLeg
    sdp: str
    like: CallLeg | None


@dataclass(frozen=True)
class Join:
    """Let the legs hear each other; a leg joined to itself hears its echo."""

    first: CallLeg
    second: CallLeg


@dataclass(frozen=True)
class PlayTone:
    """Let the leg hear a tone."""

    leg: CallLeg


@dataclass(frozen=True)
class PlayDigits:
    """Send the leg telephone-events."""

    leg: CallLeg
    digits: str


@dataclass(frozen=True)
class Release:
    """End the leg's media."""

    leg: CallLeg


MediaWork = MakeOffer | TakeAnswer | MakeAnswer | Restart | Replace  #: takes time, and its end is one more event
LegEffect = Tell | MediaWork | Join | PlayTone | PlayDigits | Release
TableEffect = LegEffect | TellClient


def hang_up(leg: CallLeg, why: CallRefusal | None = None) -> list[LegEffect]:
    """End a leg: say so to its client, and end its media; nothing when it is gone."""
    named = {Member.CALLSID: leg.known_sid}
    payload = named if why is None else error_payload(why.code, why.text, **named)
    return [Tell(leg, MessageType.HANGUP, payload), Release(leg)] if leg.end() else []


def cancel(leg: CallLeg) -> list[LegEffect]:
    """End a leg unanswered; a client that was not even offered the call needs no word."""
    if leg.phase is LegPhase.OFFERED:
        return drop(leg)
    return [Tell(leg, MessageType.CANCEL, {Member.CALLSID: leg.callsid}), Release(leg)] if leg.end() else []


def drop(leg: CallLeg) -> list[LegEffect]:
    """End a leg without a word to its client."""
    return [Release(leg)] if leg.end() else []

"""One client's part in a call, and what the switchboard can be told to do about it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

from agent.signaling.pstream.messages import Payload
from agent.signaling.pstream.names import Member, MessageType
from agent.signaling.pstream.payloads import error_payload


class Phase(Enum):
    """How far a leg has come."""

    OFFERED = auto()  # a callee's media is being made, nothing was sent yet
    RINGING = auto()
    TALKING = auto()
    GONE = auto()


@dataclass(eq=False)
class Leg:
    """One client's part in one call; `callsid` is the name both sides use, `temporary_sid` the caller's first one."""

    callsid: str
    identity: str
    session_id: int | None
    temporary_sid: str | None = None
    reconnect_token: str = ""
    phase: Phase = Phase.OFFERED
    remote_sdp: str = ""
    detached_at: float | None = None
    silent_at: float | None = None
    left_at: float | None = None
    told_callsid: bool = False

    @property
    def is_caller(self) -> bool:
        """Whether this client began the call."""
        return self.temporary_sid is not None

    @property
    def known_sid(self) -> str:
        """The name by which the client knows the call so far (spec: connection 3, hangup matching)."""
        return self.callsid if self.told_callsid or self.temporary_sid is None else self.temporary_sid

    @property
    def reconnect(self) -> dict[str, str]:
        """What a client that can resume its calls is told with `invite` and `answer` (spec: signaling 11)."""
        return {Member.RECONNECT: self.reconnect_token} if self.reconnect_token else {}


@dataclass(frozen=True)
class Tell:
    """Send the leg's client a message."""

    leg: Leg
    type: str
    payload: Payload = field(default_factory=dict)


@dataclass(frozen=True)
class MakeOffer:
    """Make media for a callee; the result is `offered`. `codecs` are what the caller speaks, in its order."""

    leg: Leg
    codecs: tuple[str, ...]


@dataclass(frozen=True)
class TakeAnswer:
    """Apply the callee's answer; the result is `applied`."""

    leg: Leg
    sdp: str


@dataclass(frozen=True)
class MakeAnswer:
    """Make media for the caller, with the codec of `like` if it can; the result is `described`."""

    leg: Leg
    sdp: str
    like: Leg | None


@dataclass(frozen=True)
class Restart:
    """Answer an offer to restart ICE; the result is `restarted`."""

    leg: Leg
    sdp: str


@dataclass(frozen=True)
class Replace:
    """Make media anew for a client that lost its own; the result is `replaced`."""

    leg: Leg
    sdp: str
    like: Leg | None


@dataclass(frozen=True)
class Join:
    """Let the legs hear each other; a leg joined to itself hears its echo."""

    first: Leg
    second: Leg


@dataclass(frozen=True)
class PlayTone:
    """Let the leg hear a tone."""

    leg: Leg


@dataclass(frozen=True)
class PlayDigits:
    """Send the leg telephone-events."""

    leg: Leg
    digits: str


@dataclass(frozen=True)
class Release:
    """End the leg's media."""

    leg: Leg


Command = Tell | MakeOffer | TakeAnswer | MakeAnswer | Restart | Replace | Join | PlayTone | PlayDigits | Release


def hangup(leg: Leg, code: int | None = None, text: str = "") -> list[Command]:
    """End a leg: say so to its client, and end its media."""
    if leg.phase is Phase.GONE:
        return []
    named = {Member.CALLSID: leg.known_sid}
    payload = error_payload(code, text, **named) if code is not None else named
    leg.phase = Phase.GONE
    return [Tell(leg, MessageType.HANGUP, payload), Release(leg)]


def cancel(leg: Leg) -> list[Command]:
    """End a leg that was not answered; one that was not even offered needs no word."""
    if leg.phase is Phase.GONE:
        return []
    told = leg.phase is not Phase.OFFERED
    leg.phase = Phase.GONE
    return [*([Tell(leg, MessageType.CANCEL, {Member.CALLSID: leg.callsid})] if told else []), Release(leg)]

"""A program's own words from one side of a call to the other (spec: signaling 11). Pure.

What is acknowledged was sent on; whatever the other side cannot get is refused, because nobody keeps it for later.
"""

from __future__ import annotations

import json
from typing import Final

from agent.signaling.pstream.messages import TEXT_LIMIT, Message, Payload
from agent.signaling.pstream.names import Member, MessageType
from agent.signaling.pstream.payloads import error_payload
from agent.switchboard.call_leg import CallLeg
from agent.switchboard.effects import TableEffect, Tell, TellClient
from agent.switchboard.refusals import CallRefusal
from agent.switchboard.route_state import RouteState
from agent.switchboard.router import RoutedCall

CONTENT_BYTES = 10 * 1024  # as the voice service's mobile SDKs say of it
DEFAULT_TYPE = "application/json"

NO_CALL: Final = CallRefusal(31404, "There is no such call")
NOT_OPEN: Final = CallRefusal(31404, "The call is not open")
NOT_TAKEN: Final = CallRefusal(31404, "The other side takes no messages")
AWAY: Final = CallRefusal(31480, "The other side is away")
TOO_FAST: Final = CallRefusal(31206, "Too many messages")
NO_TYPE: Final = CallRefusal(31210, "The message has no type")
NO_CONTENT: Final = CallRefusal(31400, "The message has no content")
TOO_LONG: Final = CallRefusal(31212, f"The message has more than {CONTENT_BYTES} bytes")


def pass_on(call: RoutedCall, leg: CallLeg, client_id: int, message: Message, now: float) -> list[TableEffect]:
    """Send what `leg` says to the other side and acknowledge it, or say why not; ProtocolError when it has no name.

    The answer goes to the socket that asked, `client_id`.
    """
    name = _name(message)
    other = call.other(leg) if call.state is RouteState.OPEN else None
    why = TOO_FAST if not leg.messages.take(now) else _unreachable(other) or _unusable(message.payload)
    if other is None or why is not None:
        return [refuse(client_id, message, why or NOT_OPEN)]
    words = {Member.CALLSID: other.callsid, **_words(message.payload)}
    ack = {Member.ACKTYPE: MessageType.MESSAGE, **name}
    return [Tell(other, MessageType.MESSAGE, words), TellClient(client_id, MessageType.ACK, ack)]


def refuse(client_id: int, message: Message, why: CallRefusal) -> TellClient:
    """Tell a client that its message was not sent on."""
    return TellClient(client_id, MessageType.ERROR, error_payload(why.code, why.text, **_name(message)))


def _unreachable(other: CallLeg | None) -> CallRefusal | None:
    if other is None:
        return NOT_OPEN
    if not other.can_resume:  # it is of the first generation
        return NOT_TAKEN
    return AWAY if other.detached_at is not None else None


def _unusable(payload: Payload) -> CallRefusal | None:
    if not _is_type(payload.get(Member.MESSAGETYPE)):
        return NO_TYPE
    if payload.get(Member.CONTENT) is None or not _is_type(payload.get(Member.CONTENTTYPE, DEFAULT_TYPE)):
        return NO_CONTENT
    return TOO_LONG if len(_json(payload[Member.CONTENT]).encode()) > CONTENT_BYTES else None


def _is_type(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= TEXT_LIMIT


def _words(payload: Payload) -> Payload:
    """What the other side may hear of it, and nothing else that came with it."""
    members = (Member.CONTENT, Member.CONTENTTYPE, Member.MESSAGETYPE, Member.VOICEEVENTSID)
    return {member: payload.get(member, DEFAULT_TYPE) for member in members}


def _json(content: object) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _name(message: Message) -> Payload:
    return {
        Member.CALLSID: message.text(Member.CALLSID),
        Member.VOICEEVENTSID: message.text(Member.VOICEEVENTSID),
    }

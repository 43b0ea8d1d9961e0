"""What PStream messages carry: payloads as they are worded, and those of the server as they are read (spec:
signaling 7, 8).

Members keep the order that the SDK writes; a member without a value is left out, never sent as null.
"""

from __future__ import annotations

import json
import math
from typing import Any, Final

from agent.errors import ProtocolError
from agent.signaling.pstream.messages import Message, Payload
from agent.signaling.pstream.names import Member, MessageType

RECONNECT_TIMEOUT_MAX_S: Final = 30

_TEXTS: Final = (
    Member.GATEWAY,
    Member.REGION,
    Member.EDGE,
    Member.HOME,
    Member.RECONNECT,
    Member.CONTENTTYPE,
    Member.MESSAGETYPE,
    Member.ACKTYPE,
    Member.VOICEEVENTSID,
)


def first_listen(token: str, browserinfo: Payload, _reconnect_timeout_s: int) -> Payload:
    """Payload that opens every connection, and that brings a new token."""
    return {Member.TOKEN: token, Member.BROWSERINFO: browserinfo}


def second_listen(token: str, browserinfo: Payload, reconnect_timeout_s: int) -> Payload:
    """Payload with the same purpose; it says, too, how long calls wait for a lost connection."""
    return {Member.BROWSERINFO: browserinfo, Member.RECONNECT_TIMEOUT: reconnect_timeout_s, Member.TOKEN: token}


def reconnect_timeout_s(max_call_signaling_timeout_ms: float) -> int:
    """Tell the server's part of how long a call waits for its lost connection; it takes whole seconds, 30 at most."""
    return max(0, min(math.ceil(max_call_signaling_timeout_ms / 1000), RECONNECT_TIMEOUT_MAX_S))


def register(audio: bool) -> Payload:
    """Payload that says whether this client takes calls."""
    return {Member.MEDIA: {Member.AUDIO: audio}}


def first_invite(sdp: str, callsid: str, preflight: bool, params: str) -> Payload:
    """Payload that starts a call; `callsid` is the temporary one, `params` the encoded parameters or empty."""
    return {Member.CALLSID: callsid, Member.SDP: sdp, Member.PREFLIGHT: preflight, Member.TWILIO: _twilio(params)}


def second_invite(sdp: str, callsid: str, _preflight: bool, params: str) -> Payload:
    """Payload with the same purpose; what a call is for is nobody's business."""
    return {Member.CALLSID: callsid, Member.SDP: sdp, Member.TWILIO: _twilio(params)}


def reconnect(sdp: str, callsid: str, reconnect_token: str) -> Payload:
    """Payload of the `invite` that takes a call up again."""
    return {Member.CALLSID: callsid, Member.RECONNECT: reconnect_token, Member.SDP: sdp, Member.TWILIO: {}}


def message(callsid: str | None, content: Any, content_type: str, message_type: str, voice_event_sid: str) -> Payload:
    """Payload that carries a program's own words to the other side of a call."""
    return _given(
        {
            Member.CALLSID: callsid,
            Member.CONTENT: content,
            Member.CONTENTTYPE: content_type,
            Member.MESSAGETYPE: message_type,
            Member.VOICEEVENTSID: voice_event_sid,
        }
    )


def describe(sdp: str, callsid: str) -> Payload:
    """Payload of `answer` and of `reinvite`."""
    return {Member.SDP: sdp, Member.CALLSID: callsid}


def dtmf(callsid: str | None, digits: str) -> Payload:
    """Payload that presses keys through the gateway."""
    return _given({Member.CALLSID: callsid, Member.DTMF: digits})


def hangup(callsid: str | None, message: str | None) -> Payload:
    """Payload that ends a call; `message` is a reason, left out when empty."""
    return _given({Member.CALLSID: callsid, Member.MESSAGE: message or None})


def reject(callsid: str | None) -> Payload:
    """Payload that refuses a pending call."""
    return _given({Member.CALLSID: callsid})


def error_payload(code: int, text: str, **more: Any) -> Payload:
    """Payload of the server's `error`, and of a `hangup` with a reason; `more` are its siblings."""
    return {**more, Member.ERROR: {Member.CODE: code, Member.MESSAGE: text}}


def read_server(message: Message) -> Payload:
    """Read the payload of a server's message; null members are left out, and what cannot be used too.

    Raises ProtocolError for an `error` that says nothing.
    """
    read = _given(message.payload)
    for name in _TEXTS:
        if not isinstance(read.get(name, ""), str):
            del read[name]
    if Member.TOKEN in read:
        read[Member.TOKEN] = _token_facts(read[Member.TOKEN])
    if Member.ERROR in read:
        if message.type == MessageType.ERROR and not isinstance(read[Member.ERROR], dict):
            raise ProtocolError("error of error has the wrong type")
        read[Member.ERROR] = _usable_error(read[Member.ERROR])
        read = _given(read)
    if Member.PARAMETERS in read:
        read[Member.PARAMETERS] = _strings(read[Member.PARAMETERS])
    return read


def _given(members: Payload) -> Payload:
    return {name: value for name, value in members.items() if value is not None}


def _twilio(params: str) -> Payload:
    return {Member.PARAMS: params} if params else {}


def _token_facts(token: object) -> Payload:
    """What `connected` says of our token: `identity`, and `ttl` in seconds, as far as they can be used."""
    said = _given(token) if isinstance(token, dict) else {}
    if not isinstance(said.get(Member.IDENTITY, ""), str):
        del said[Member.IDENTITY]
    if not is_number(said.get(Member.TTL, 0)):
        del said[Member.TTL]
    return said


def is_number(value: object) -> bool:
    """Tell whether JSON gave a number; a truth value is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _usable_error(error: object) -> Payload | None:
    """What can be used of the reason for an end or a refusal; one that cannot be read is still a reason."""
    if not isinstance(error, dict):
        return {} if error or isinstance(error, list) else None
    usable = _given(error)
    if type(usable.get(Member.CODE, 0)) is not int:
        del usable[Member.CODE]
    if not isinstance(usable.get(Member.MESSAGE, ""), str):
        del usable[Member.MESSAGE]
    return usable


def _strings(parameters: Payload) -> dict[str, str]:
    """Call parameters are strings; a number or a truth value is written out, anything else is left out."""
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in parameters.items()
        if isinstance(value, str | int | float)
    }

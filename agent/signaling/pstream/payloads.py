"""What PStream messages carry: payloads as they are worded, and those of the server as they are read (spec:
signaling 7, 8).

Members keep the order that the SDK writes; a member without a value is left out, never sent as null.
"""

from __future__ import annotations

import json
from typing import Any, Final

from agent.errors import ProtocolError
from agent.signaling.pstream.messages import Message, Payload
from agent.signaling.pstream.names import Member, MessageType

_LOCATION_MEMBERS: Final = (Member.GATEWAY, Member.REGION)


def listen(token: str, browserinfo: Payload) -> Payload:
    """Payload that opens every connection, and that brings a new token."""
    return {Member.TOKEN: token, Member.BROWSERINFO: browserinfo}


def register(audio: bool) -> Payload:
    """Payload that says whether this client takes calls."""
    return {Member.MEDIA: {Member.AUDIO: audio}}


def invite(sdp: str, callsid: str, preflight: bool, params: str) -> Payload:
    """Payload that starts a call; `callsid` is the temporary one, `params` the encoded parameters or empty."""
    twilio = {Member.PARAMS: params} if params else {}
    return {Member.CALLSID: callsid, Member.SDP: sdp, Member.PREFLIGHT: preflight, Member.TWILIO: twilio}


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
    for name in _LOCATION_MEMBERS:
        if not isinstance(read.get(name, ""), str):
            del read[name]
    if Member.ERROR in read and not _usable_error(read[Member.ERROR]):
        if message.type == MessageType.ERROR:
            raise ProtocolError("error of error has the wrong type")
        del read[Member.ERROR]  # a call must end even when the reason cannot be read
    if Member.PARAMETERS in read:
        read[Member.PARAMETERS] = _strings(read[Member.PARAMETERS])
    return read


def _given(members: Payload) -> Payload:
    return {name: value for name, value in members.items() if value is not None}


def _usable_error(error: object) -> bool:
    if not isinstance(error, dict):
        return False
    code, message = error.get(Member.CODE), error.get(Member.MESSAGE)
    return (code is None or type(code) is int) and (message is None or isinstance(message, str))


def _strings(parameters: Payload) -> dict[str, str]:
    """Call parameters are strings; a number or a truth value is written out, anything else is left out."""
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in parameters.items()
        if isinstance(value, str | int | float)
    }

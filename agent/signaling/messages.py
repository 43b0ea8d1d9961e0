"""PStream frames: building those of the client, reading those of the server (spec: signaling 3, 7, 8).

A frame is one JSON object in one text message, `{"type": ..., "version": "1.5", "payload": {...}}`. Members keep the
order that the seed writes; a member without a value is left out, never sent as null.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from agent.errors import ProtocolError

VERSION = "1.5"
HEARTBEAT = "\n"
MAX_FRAME_CHARS = 64 * 1024  #: a session description has a few thousand
MAX_MEMBERS = 4096  #: or thereabouts: looked for in the text, because making them is what costs
MAX_DEPTH = 16

SERVER_TYPES: Final = frozenset(
    ("connected", "ready", "offline", "error", "invite", "cancel", "ringing", "answer", "hangup", "close")
)

Payload = dict[str, Any]

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class ServerMessage:
    """One frame of the server: its type and its payload, whose known members have the right types."""

    type: str
    payload: Payload


def listen(token: str, browserinfo: Payload) -> Payload:
    """Payload that opens every connection, and that brings a new token."""
    return {"token": token, "browserinfo": browserinfo}


def register(audio: bool) -> Payload:
    """Payload that says whether this client takes calls."""
    return {"media": {"audio": audio}}


def invite(sdp: str, callsid: str, preflight: bool, params: str) -> Payload:
    """Payload that starts a call; `callsid` is the temporary one, `params` the encoded parameters or empty."""
    twilio = {"params": params} if params else {}
    return {"callsid": callsid, "sdp": sdp, "preflight": preflight, "twilio": twilio}


def describe(sdp: str, callsid: str) -> Payload:
    """Payload of `answer` and of `reinvite`."""
    return {"sdp": sdp, "callsid": callsid}


def dtmf(callsid: str | None, digits: str) -> Payload:
    """Payload that presses keys through the gateway."""
    return _given({"callsid": callsid, "dtmf": digits})


def hangup(callsid: str | None, message: str | None) -> Payload:
    """Payload that ends a call; `message` is a reason, left out when empty."""
    return _given({"callsid": callsid, "message": message or None})


def reject(callsid: str | None) -> Payload:
    """Payload that refuses a pending call."""
    return _given({"callsid": callsid})


def frame(type_: str, payload: Payload | None) -> str:
    """One frame as the text to send."""
    envelope: Payload = {"type": type_, "version": VERSION}
    if payload is not None:
        envelope["payload"] = payload
    text = json.dumps(envelope, ensure_ascii=False, separators=(",", ":"))
    return _LONE_SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def parse(data: str | bytes) -> ServerMessage:
    """Read a frame of the server; raises ProtocolError, whose text never quotes the frame."""
    if not isinstance(data, str):
        raise ProtocolError("a frame is not text")
    if len(data) > MAX_FRAME_CHARS:
        raise ProtocolError(f"a frame has {len(data)} characters, more than {MAX_FRAME_CHARS}")
    document = _load(data)
    if not isinstance(document, dict) or not isinstance(document.get("type"), str):
        raise ProtocolError("a frame is not an object with a type")
    payload = document.get("payload")
    if payload is None:
        payload = {}
    if not isinstance(payload, dict):
        raise ProtocolError("a payload is not an object")
    return ServerMessage(document["type"], _checked(document["type"], payload))


def has_too_many_members(text: str) -> bool:
    """Whether JSON text would become more values than any frame needs."""
    return sum(text.count(mark) for mark in "[{,") > MAX_MEMBERS


def _load(text: str) -> object:
    if has_too_many_members(text):
        raise ProtocolError(f"a frame has more than {MAX_MEMBERS} members")
    try:
        document: object = json.loads(text, parse_constant=_refuse_constant)
        if "\\u" in text:
            json.dumps(document, ensure_ascii=False).encode()  # half a surrogate pair could never be sent on
    except (ValueError, RecursionError) as exc:
        raise ProtocolError(f"a frame is not JSON: {type(exc).__name__}") from None
    _refuse_depth(document)
    return document


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _refuse_depth(document: object) -> None:
    level = [document]
    for _depth in range(MAX_DEPTH):
        level = [member for value in level for member in _members(value)]
        if not level:
            return
    raise ProtocolError(f"a frame is nested deeper than {MAX_DEPTH} levels")


def _members(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _given(members: Payload) -> Payload:
    return {name: value for name, value in members.items() if value is not None}


_MEMBER_TYPES: Final[dict[str, type]] = {"callsid": str, "sdp": str, "parameters": dict}
_LOCATION_MEMBERS: Final = ("gateway", "region")


def _checked(type_: str, payload: Payload) -> Payload:
    """The payload with null members left out; a known member of the wrong type makes it unusable."""
    checked = _given(payload)
    for name in _LOCATION_MEMBERS:
        if not isinstance(checked.get(name, ""), str):
            del checked[name]
    for name, expected in _MEMBER_TYPES.items():
        if name in checked and not isinstance(checked[name], expected):
            raise ProtocolError(f"{name} of {type_ if type_ in SERVER_TYPES else 'a frame'} has the wrong type")
    if "error" in checked and not _usable_error(checked["error"]):
        if type_ == "error":
            raise ProtocolError("error of error has the wrong type")
        del checked["error"]  # a call must end even when the reason cannot be read
    if "parameters" in checked:
        checked["parameters"] = _strings(checked["parameters"])
    return checked


def _usable_error(error: object) -> bool:
    if not isinstance(error, dict):
        return False
    code, message = error.get("code"), error.get("message")
    return (code is None or type(code) is int) and (message is None or isinstance(message, str))


def _strings(parameters: Payload) -> dict[str, str]:
    """Call parameters are strings; a number or a truth value is written out, anything else is left out."""
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in parameters.items()
        if isinstance(value, str | int | float)
    }

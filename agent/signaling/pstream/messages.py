"""PStream frames, for both of its ends and both generations (spec: signaling 3, 11).

A frame is one JSON object in one text message: type, version, payload. The first generation (SDK 1.x) says version
"1.5" and puts `type` first; the second (SDK 2.x) says "1.6" and puts `payload` first.

Both ends accept and refuse the same frames. Refused is what a far end could not read either (`NaN`, a number beyond
a double, half a character), what costs too much to read, and what would have a wrong type deeper inside.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from agent.errors import InvalidArgumentError, ProtocolError
from agent.signaling.pstream.names import Member

MAX_FRAME_CHARS = 64 * 1024  #: a session description has a few thousand
MAX_MEMBERS = 4096  #: or thereabouts: looked for in the text, because making them is what costs
MAX_DEPTH = 16  #: containers inside one another, the envelope counted
TEXT_LIMIT = 200  #: names of calls, digits, tokens of calls

Payload = dict[str, Any]

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_MEMBER_TYPES: Final[dict[str, type]] = {Member.CALLSID: str, Member.SDP: str, Member.PARAMETERS: dict}


class Dialect(Enum):
    """The generation of the protocol; the value is the envelope's version."""

    V1 = "1.5"
    V2 = "1.6"


@dataclass(frozen=True)
class Message:
    """One frame as it was read; members that every message may have are of the right type, or null, or missing."""

    type: str
    payload: Payload
    dialect: Dialect = Dialect.V1

    def text(self, member: str, *, limit: int = TEXT_LIMIT) -> str:
        """Return a string of the payload; ProtocolError when it is missing, no string or too long."""
        value = self.payload.get(member)
        if not isinstance(value, str) or len(value) > limit:
            raise ProtocolError(f"{self.type}.{member} must be a string of at most {limit} characters; it is dropped")
        return value

    def table(self, member: str) -> Payload:
        """Return an object of the payload, empty when it is missing or null. Raises ProtocolError."""
        value = self.payload.get(member)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise ProtocolError(f"{self.type}.{member} must be an object; the frame is dropped")
        return value


@dataclass(frozen=True)
class OutboundFrame:
    """One frame to be sent: its text, and whether it is worth waiting for a connection."""

    type: str
    text: str
    keep: bool = False


def frame(type_: str, payload: Mapping[str, Any] | None, dialect: Dialect = Dialect.V1) -> str:
    """Word one frame, compact; InvalidArgumentError for what no far end would read.

    Half a character is escaped, as JSON.stringify does. A payload of None is left out.
    """
    envelope: Payload = {Member.TYPE: type_, Member.VERSION: dialect.value}
    if payload is not None:
        first = dialect is Dialect.V2
        envelope = {Member.PAYLOAD: payload} | envelope if first else envelope | {Member.PAYLOAD: payload}
    try:
        _refuse_depth(envelope)
        text = json.dumps(envelope, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        _refuse_length(text)
    except (ProtocolError, ValueError, TypeError, RecursionError) as exc:
        raise InvalidArgumentError(f"this {type_[:40]!r} cannot be sent: {exc}") from None
    return _LONE_SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def parse(data: str | bytes) -> Message:
    """Read one frame of either end; raises ProtocolError, whose text never quotes the frame."""
    if not isinstance(data, str):
        raise ProtocolError("a frame is not text")
    _refuse_length(data)
    _refuse_members(data)
    document = _load(data)
    if not isinstance(document, dict) or not isinstance(document.get(Member.TYPE), str):
        raise ProtocolError("a frame is not an object with a type")
    payload = document.get(Member.PAYLOAD)
    if payload is None:
        payload = {}
    if not isinstance(payload, dict):
        raise ProtocolError("a payload is not an object")
    for name, expected in _MEMBER_TYPES.items():
        if payload.get(name) is not None and not isinstance(payload[name], expected):
            raise ProtocolError(f"{name} of a frame has the wrong type")
    return Message(document[Member.TYPE], payload, _dialect(document.get(Member.VERSION)))


def _load(text: str) -> object:
    try:
        document: object = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
        _refuse_depth(document)
        if "\\u" in text or _LONE_SURROGATE.search(text):
            json.dumps(document, ensure_ascii=False).encode()  # half a character could never be sent on
    except (ValueError, RecursionError) as exc:
        raise ProtocolError(f"a frame is not JSON: {type(exc).__name__}") from None
    return document


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number beyond a double")
    return number


def _refuse_length(text: str) -> None:
    if len(text) > MAX_FRAME_CHARS:
        raise ProtocolError(f"a frame has {len(text)} characters, more than {MAX_FRAME_CHARS}")


def _refuse_members(text: str) -> None:
    if sum(text.count(mark) for mark in "[{,") > MAX_MEMBERS:
        raise ProtocolError(f"a frame has more than {MAX_MEMBERS} members")


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
    return value if isinstance(value, list | tuple) else ()


def _dialect(version: object) -> Dialect:
    try:
        major, minor = (int(part) for part in str(version).split("."))
    except ValueError:
        return Dialect.V1
    return Dialect.V2 if (major, minor) >= (1, 6) else Dialect.V1

"""PStream frames as the server sees them, in both dialects.

A frame is one JSON object: type, version, payload (spec: signaling 3). The 1.x SDK says version "1.5" and puts
`type` first; the 2.x SDK says "1.6" and puts `payload` first, and only it understands `reconnect`, `message` and
`ack` (spec: signaling 11). The server answers each client in the dialect of its `listen`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from agent.errors import ProtocolError
from agent.signaling.messages import has_too_many_members

HEARTBEAT = "\n"

Payload = Mapping[str, Any]


class Dialect(Enum):
    """Which generation of the SDK a client speaks like; the value is the envelope's version."""

    V1 = "1.5"
    V2 = "1.6"


@dataclass(frozen=True)
class Message:
    """One frame from a client."""

    type: str
    payload: Payload
    dialect: Dialect = Dialect.V1

    def text(self, key: str, *, default: str | None = None, limit: int = 200) -> str:
        """Return a string member of the payload; ProtocolError when it is missing, no string or too long."""
        value = self.payload.get(key, default)
        if not isinstance(value, str) or len(value) > limit:
            raise ProtocolError(f"{self.type}.{key} must be a string of at most {limit} characters; it is dropped")
        return value

    def table(self, key: str) -> Payload:
        """Return an object member of the payload, empty when it is missing."""
        value = self.payload.get(key, {})
        if not isinstance(value, dict):
            raise ProtocolError(f"{self.type}.{key} must be an object; the frame is dropped")
        return value


def decode(text: str) -> Message:
    """Parse one frame; ProtocolError says what is wrong with it."""
    if has_too_many_members(text):
        raise ProtocolError("the frame has too many members; it is dropped")
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"the frame is no JSON ({type(error).__name__}); it is dropped") from None
    if not isinstance(frame, dict) or not isinstance(frame.get("type"), str):
        raise ProtocolError("the frame is no object with a type; it is dropped")
    payload = frame.get("payload", {})
    if not isinstance(payload, dict):
        raise ProtocolError(f"the payload of {frame['type'][:40]!r} is no object; the frame is dropped")
    return Message(frame["type"], payload, _dialect(frame.get("version")))


def encode(message_type: str, payload: Payload, dialect: Dialect) -> str:
    """Write one frame with the dialect's key order, compact."""
    if dialect is Dialect.V2:
        frame = {"payload": payload, "type": message_type, "version": dialect.value}
    else:
        frame = {"type": message_type, "version": dialect.value, "payload": payload}
    return json.dumps(frame, separators=(",", ":"))


def error_payload(code: int, text: str, **more: Any) -> dict[str, Any]:
    """Build what `error` and `hangup` frames carry; `more` are its siblings, such as the callsid."""
    return {**more, "error": {"code": code, "message": text}}


def _dialect(version: object) -> Dialect:
    try:
        major, minor = (int(part) for part in str(version).split("."))
    except ValueError:
        return Dialect.V1
    return Dialect.V2 if (major, minor) >= (1, 6) else Dialect.V1

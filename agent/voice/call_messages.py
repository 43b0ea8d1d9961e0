"""Messages of the program that travel with a call, both ways (spec: signaling 11)."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

from agent.errors import InvalidArgumentError

DEFAULT_CONTENT_TYPE: Final = "application/json"
MOST_UNANSWERED: Final = 100

_SPELLINGS: Final = {"content_type": "contentType", "message_type": "messageType"}
_MEMBERS: Final = ("content", "contentType", "messageType")


class CallMessages:
    """What one call has sent and the service has not answered yet; the oldest give way."""

    def __init__(self) -> None:
        self._unanswered: OrderedDict[str, dict[str, Any]] = OrderedDict()

    def send(self, message: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Name a message, and keep it until it is answered; returns its sid and itself."""
        sid = f"KX{secrets.token_hex(16)}"
        self._unanswered[sid] = kept = {**message, "voiceEventSid": sid}
        if len(self._unanswered) > MOST_UNANSWERED:
            self._unanswered.popitem(last=False)
        return sid, kept

    def answered(self, sid: object) -> dict[str, Any] | None:
        """Return the message that the service has taken, or refused; None for one that is not known."""
        return self._unanswered.pop(sid, None) if isinstance(sid, str) else None


def checked_message(message: Mapping[str, Any] | None, members: Mapping[str, Any]) -> dict[str, Any]:
    """Bring a message into the SDK's spelling; raises InvalidArgumentError for one that cannot be sent."""
    if not isinstance(message, Mapping | None):
        raise InvalidArgumentError(f"argument message: give a mapping with {', '.join(_MEMBERS)}")
    given = {_SPELLINGS.get(name, name): value for name, value in {**(message or {}), **members}.items()}
    if unknown := sorted(given.keys() - set(_MEMBERS)):
        raise InvalidArgumentError(f"argument message: unknown {', '.join(unknown)}; known are {', '.join(_MEMBERS)}")
    given = {name: value for name, value in given.items() if value is not None}
    if "content" not in given:
        raise InvalidArgumentError("argument content: a message needs a content")
    for name in ("contentType", "messageType"):
        if name in given and not (isinstance(given[name], str) and given[name]):
            raise InvalidArgumentError(f"argument {name}: {given[name]!r} is not allowed; give a string")
    if "messageType" not in given:
        raise InvalidArgumentError("argument messageType: give the type that your application gave its messages")
    return {name: given[name] for name in _MEMBERS if name in given}


def received_message(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Word a message of the far side as `messageReceived` tells it: what it does not have is None."""
    names = {"content": "content", "contenttype": "contentType", "messagetype": "messageType",
             "voiceeventsid": "voiceEventSid"}  # fmt: skip
    return {name: payload.get(member) for member, name in names.items()}

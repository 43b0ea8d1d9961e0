"""Why the switchboard refuses something: code and text of its `hangup` or `error` (spec: signaling 8, 11). Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

from agent.signaling.pstream.messages import Payload
from agent.signaling.pstream.names import Member


class CallRefusal(NamedTuple):
    """A SIP status in the voice service's numbers, and what it says."""

    code: int
    text: str


NOT_FOUND: Final = CallRefusal(31404, "Not Found")
NO_ANSWER: Final = CallRefusal(31480, "Temporarily Unavailable")
BUSY: Final = CallRefusal(31486, "Busy Here")
BAD_MEDIA: Final = CallRefusal(31488, "Not Acceptable Here")
TOO_MANY: Final = CallRefusal(31503, "Service Unavailable")
DECLINE: Final = CallRefusal(31603, "Decline")


def overload_payload(code: int, text: str, retry_after_s: int) -> Payload:
    """Payload of an `error` that asks a client of the second generation to come back only then."""
    return {Member.ERROR: {Member.CODE: code, Member.MESSAGE: text, Member.RETRY_AFTER: retry_after_s}}

"""What the status of a SIP response means here: the phrases that we answer with, and the errors that programs see.

    180 183              it rings, perhaps with sound
    2xx                  answered
    480 486 487 408 600 603    nobody took the call: it ends without an error, as a call that the far side hung up,
                               unless the program wants each of them as an error
    all others           an error, in one of a few kinds; each says what happened and what to do
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from agent.errors import TwilioError
from agent.log import excerpt
from agent.twilio_errors import (
    AuthorizationErrors,
    ClientErrors,
    GeneralErrors,
    MediaErrors,
    SignalingErrors,
    SIPServerErrors,
)

PHRASES: Final = {
    100: "Trying", 180: "Ringing", 200: "OK", 400: "Bad Request", 405: "Method Not Allowed", 408: "Request Timeout",
    415: "Unsupported Media Type", 416: "Unsupported URI Scheme", 420: "Bad Extension",
    422: "Session Interval Too Small",
    480: "Temporarily Unavailable", 481: "Call/Transaction Does Not Exist", 482: "Loop Detected", 486: "Busy Here",
    487: "Request Terminated", 488: "Not Acceptable Here", 489: "Bad Event", 491: "Request Pending",
    500: "Server Internal Error", 501: "Not Implemented", 503: "Service Unavailable", 505: "Version Not Supported",
    603: "Decline",
}  # fmt: skip

GONE: Final = frozenset((408, 481))  #: of a request within a call: there is no such call any more
BUSY: Final = (486, 491, 500, 503, 504)  #: of an offer within a call: not now


def worded(entry: TwilioError, what: str, remedy: str) -> TwilioError:
    """Give an entry of the catalogue the words of a PBX, which has neither tokens nor regions."""
    entry.explanation, entry.causes, entry.solutions = what, (), (remedy,)
    return entry


@dataclass(frozen=True)
class SipFailure:
    """One kind of failure; `what` has a place for what the server said."""

    code: int
    entry: type[TwilioError]
    what: str
    remedy: str

    def error(self, said: str) -> dict[str, Any]:
        """Make the `error` of an event."""
        entry = worded(self.entry(), f"{self.what}.", self.remedy)
        return {"code": self.code, "message": f"{self.what} ({said}). {self.remedy}", "twilioError": entry}


LOST: Final = SipFailure(
    31000, SignalingErrors.ConnectionDisconnected, "The connection to the PBX was lost before the call was answered",
    "Call again when the box is ready.",
)  # fmt: skip
UNSENDABLE: Final = SipFailure(
    31000, GeneralErrors.UnknownError, "The call cannot be written as a SIP message",
    "Correct whom it is for, or its parameters.",
)  # fmt: skip
_SILENT: Final = SipFailure(
    31000, SignalingErrors.ConnectionError, "The PBX did not answer",
    "Look whether it is up and reached by the edges in [sip].",
)  # fmt: skip
_SECRET: Final = SipFailure(
    31201, AuthorizationErrors.AuthenticationFailed, "The PBX does not accept who this box says it is",
    "Check user, domain and secret in [sip], and that this user exists at the PBX.",
)  # fmt: skip
_FORBIDDEN: Final = SipFailure(
    31201, AuthorizationErrors.AuthenticationFailed, "The PBX forbids it",
    "Check what this user may do at the PBX.",
)  # fmt: skip
_UNKNOWN: Final = SipFailure(
    31404, ClientErrors.NotFound, "Nobody there has the name or number that was called",
    "Check it, and the domain in [sip].",
)  # fmt: skip
_NO_SOUND: Final = SipFailure(
    31000, MediaErrors.ClientRemoteDescFailed, "The far side takes none of our kinds of sound",
    "Let the PBX convert it: it has to offer encrypted WebRTC audio in Opus, PCMU or PCMA.",
)  # fmt: skip
_MOVED: Final = SipFailure(
    31000, GeneralErrors.ConnectionError, "The call is sent on to another address, which this box does not follow",
    "Call that one, or let the PBX follow it.",
)  # fmt: skip
_EDGE: Final = SipFailure(
    31000, SignalingErrors.ConnectionError, "The PBX cannot do it now",
    "It is tried again; if it stays so, look at the log of the PBX.",
)  # fmt: skip
_FAILED: Final = SipFailure(
    31000, GeneralErrors.ConnectionError, "The PBX cannot make the call",
    "Try again; if it stays so, look at the log of the PBX.",
)  # fmt: skip
_REFUSED: Final = SipFailure(
    31000, GeneralErrors.ConnectionError, "The call was refused", "Look at the log of the PBX for the reason.",
)  # fmt: skip
INSTANCE_SHARED: Final = SipFailure(
    31000, GeneralErrors.UnknownError, "Another box has this one's instance, and takes its calls in turn",
    "Give each box one of its own: leave `instance` out of the [sip] that they share.",
)  # fmt: skip

_KINDS: Final = {
    401: _SECRET, 407: _SECRET, 403: _FORBIDDEN,
    404: _UNKNOWN, 410: _UNKNOWN, 414: _UNKNOWN, 416: _UNKNOWN, 484: _UNKNOWN, 485: _UNKNOWN, 604: _UNKNOWN,
    415: _NO_SOUND, 488: _NO_SOUND, 606: _NO_SOUND,
}  # fmt: skip
_REGISTER_KINDS: Final = {401: _SECRET, 407: _SECRET, 403: _SECRET, 404: _SECRET, 408: _SILENT}


_AWAY: Final = SipFailure(
    31480, ClientErrors.TemporarilyUnavailable, "Whom the call is for does not answer at present", "Try again later.",
)  # fmt: skip
_BUSY: Final = SipFailure(
    31486, ClientErrors.BusyHere, "Whom the call is for is busy", "Try again later.",
)  # fmt: skip
_DECLINED: Final = SipFailure(
    31603, SIPServerErrors.Decline, "Whom the call is for does not want it", "Respect that.",
)  # fmt: skip
#: Nobody took the call.
NOT_TAKEN: Final = {408: _AWAY, 480: _AWAY, 487: _AWAY, 486: _BUSY, 600: _BUSY, 603: _DECLINED}
MOST_SAID: Final = 120
CODE_BASE: Final = 31_000  #: the voice service counts the answers of SIP from here


def phrase_of(status: int) -> str:
    """Return the phrase that goes with a status of ours."""
    return PHRASES.get(status, "Unknown")


def call_error(status: int, phrase: str, *, is_ours: bool = False) -> dict[str, Any] | None:
    """Make the `error` of a call that did not come about; None where nobody took it, which is none.

    `is_ours`: no server said so, but nothing came, or the connection was lost.
    """
    said = f"{status} {excerpt(phrase)}".strip()
    if is_ours:
        return (_SILENT if status == 408 else LOST).error(said)
    if status in NOT_TAKEN:
        return None
    by_series = {3: _MOVED, 5: _FAILED}.get(status // 100, _REFUSED)
    return _KINDS.get(status, by_series).error(said)


def call_end(status: int, phrase: str, *, is_ours: bool = False) -> dict[str, Any]:
    """Make what a `hangup` says of a call that did not come about: its status, and why.

    That is an `error`, or a `refusal` where nobody took the call, which is one for a program that wants it so.
    """
    told: dict[str, Any] = {} if is_ours else {"status": status}
    if (error := call_error(status, phrase, is_ours=is_ours)) is not None:
        return {**told, "error": error}
    refusal = NOT_TAKEN[status].error(f"{status} {excerpt(phrase)}".strip())
    return {**told, "refusal": {**refusal, "code": CODE_BASE + status}}


def registration_error(status: int, phrase: str) -> dict[str, Any]:
    """Make the `error` of a registration that the PBX did not take."""
    return _REGISTER_KINDS.get(status, _EDGE).error(f"REGISTER: {status} {excerpt(phrase, MOST_SAID)}".strip())

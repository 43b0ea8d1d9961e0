"""What the voice service's errors about token, account, program and rate mean, and what to do (spec: device 5, 12).

Its catalogue grows: a code that is not listed is judged by the series that it belongs to, and one of no series that is
known is told all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from agent.errors import TwilioError, VoiceError
from agent.log import excerpt
from agent.signaling.pstream.names import Member

MOST_CHARS: Final = 160  # of the service's own words


@dataclass(frozen=True)
class Complaint:
    """One kind of refusal: the part that it is a trouble of, what is so, what to do, whether another token may help."""

    part: str
    what: str
    remedy: str
    renews: bool = False


TOKEN: Final = Complaint("token", "the service refuses the access token", "check [token] and the clock", True)
ACCOUNT: Final = Complaint("account", "the service refuses the account",
                    "look at the account in its console: is it active, and named by [token]?", True)  # fmt: skip
_NEWER: Final = 'install its latest version; a server of the time of SDK 1.x wants signaling.generation = "1"'
_OLD_WIRE: Final = 'set signaling.generation = "2": services have retired the older wire'
VERSION: Final = Complaint("version", "the service refuses this program", _NEWER)
#: No code, but what becomes of each connection: `agent.signaling.dismissals`.
DISMISSED: Final = Complaint("version", "the service closes each connection as soon as it knows who we are",
                      _NEWER)  # fmt: skip
RATE: Final = Complaint("rate", "the service says that it is asked too often",
                 "wait; look for other phones with this identity, and at the account's limits")  # fmt: skip
SERVICE: Final = Complaint("service", "the service reports an error", "look it up in the service's list of errors")

PARTS: Final = tuple(refusal.part for refusal in (TOKEN, ACCOUNT, VERSION, RATE, SERVICE))

_LISTED: Final = {
    **dict.fromkeys((31102, 31104), TOKEN),
    **dict.fromkeys((10001, 10002, 10003, 10005, 20003, 20005, 20403, 21218, 31001, 31105, 31203, 31403), ACCOUNT),
    **dict.fromkeys((31007, 31426), VERSION),
    **dict.fromkeys((10004, 20429, 31206, 31209, 31429), RATE),
}
_SERIES: Final = {201: TOKEN, 312: TOKEN, 311: VERSION}  # access tokens, authorisation, malformed requests

# What a stream reports of its own connection: the code, and its class.
_OWN: Final = {(31000, 53001), (31005, 53000), (31009, 31009)}
_MALFORMED_INVITE: Final = 31400


def refusal_of(error: VoiceError) -> Complaint | None:
    """Tell what the service refuses; None for errors of a call, of the microphone and of our own connection."""
    if error.connection is not None or error.twilio_error is None:
        return None
    klass = _attached(error.twilio_error).code
    if (error.code, klass) in _OWN or (error.code is None and klass == _MALFORMED_INVITE):
        return None
    return refusal_by_code(error.code)


def _attached(entry: TwilioError) -> TwilioError:
    """Return what the stream itself made of an error, before a Device looked it up by its code."""
    told = entry.original_error
    attached = told.get(Member.TWILIO_ERROR) if isinstance(told, Mapping) else None
    return attached if isinstance(attached, TwilioError) else entry


def refusal_by_code(code: object) -> Complaint:
    """Judge the code of an error that the service has sent."""
    if not isinstance(code, int):
        return SERVICE
    return _LISTED.get(code) or _SERIES.get(code // 100, SERVICE)


def remedy_of(refusal: Complaint, generation: str) -> str:
    """Say what to do about it when this generation of the wire was spoken."""
    return _OLD_WIRE if refusal.part == VERSION.part and generation == "1" else refusal.remedy


def in_words(refusal: Complaint, generation: str, code: object, message: str) -> str:
    """Say what is so, in the service's words too, and what to do."""
    said = ": ".join(text for text in (excerpt(code if code is not None else ""), excerpt(message, MOST_CHARS)) if text)
    return f"{refusal.what} ({said or 'without a code'}); {remedy_of(refusal, generation)}"

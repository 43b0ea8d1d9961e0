"""The voice service's error catalogue: what the errors of calls and of signaling carry (spec: device 12).

The groups and classes have the names of SDK 2.x; `twilio_error` finds a class by its code, which is the same in 1.x.
"""

from __future__ import annotations

from typing import Any, Final

from agent.errors import InvalidArgumentError, TwilioError
from agent.twilio_access_errors import AuthorizationErrors, MalformedRequestErrors, SignatureValidationErrors
from agent.twilio_call_errors import (
    ClientErrors,
    GeneralErrors,
    MediaErrors,
    SignalingErrors,
    SIPServerErrors,
    UserMediaErrors,
)

__all__ = [
    "AuthorizationErrors",
    "ClientErrors",
    "GeneralErrors",
    "MalformedRequestErrors",
    "MediaErrors",
    "SIPServerErrors",
    "SignalingErrors",
    "SignatureValidationErrors",
    "TwilioError",
    "UserMediaErrors",
    "error_class",
    "twilio_error",
]

_GROUPS: Final = (
    AuthorizationErrors,
    SignatureValidationErrors,
    ClientErrors,
    SIPServerErrors,
    GeneralErrors,
    MalformedRequestErrors,
    UserMediaErrors,
    SignalingErrors,
    MediaErrors,
)
_CATALOGUE: Final[dict[int, type[TwilioError]]] = {
    entry.code: entry
    for group in _GROUPS
    for entry in vars(group).values()
    if isinstance(entry, type) and issubclass(entry, TwilioError)
}


def error_class(code: object) -> type[TwilioError] | None:
    """Find the class with this code; None if there is none."""
    return _CATALOGUE.get(code) if isinstance(code, int) else None


def twilio_error(code: int, message: str = "", original_error: Any = None) -> TwilioError:
    """Make an error of this code; it carries `message` and the error behind it. Raises InvalidArgumentError."""
    entry = error_class(code)
    if entry is None:
        raise InvalidArgumentError(f"there is no error {code} in the catalogue; known are {sorted(_CATALOGUE)}")
    return entry(message, original_error)

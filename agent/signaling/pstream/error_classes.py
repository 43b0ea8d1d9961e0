"""Which entry of the catalogue an error of signaling belongs to, in each generation (spec: device 5; signaling 11)."""

from __future__ import annotations

from typing import Any, Final

from agent.errors import TwilioError
from agent.signaling.pstream.messages import Payload
from agent.signaling.pstream.names import Member
from agent.twilio_errors import AuthorizationErrors, GeneralErrors, error_class

_ACCESS: Final[dict[Any, type[TwilioError]]] = {
    31201: AuthorizationErrors.AuthenticationFailed,
    31204: AuthorizationErrors.AccessTokenInvalid,
    31205: AuthorizationErrors.AccessTokenExpired,
}
#: Those that SDK 2.x tells only programs that ask for it: it would break those that were written before it knew them.
_UNTOLD: Final = frozenset(
    (31001, 31002, 31003, 31101, 31102, 31103, 31104, 31105, 31107, 31201, 31202, 31203, 31204, 31205, 31207, 31404,
     31480, 31486, 31603)
)  # fmt: skip


def first_class(error: Payload) -> TwilioError:
    """Classify as SDK 1.x does: by three codes, else by what the stream has attached."""
    access = _ACCESS.get(error.get(Member.CODE))
    return access() if access is not None else error.get(Member.TWILIO_ERROR) or GeneralErrors.UnknownError()


def known_class(code: object, *, precise: bool = False) -> type[TwilioError] | None:
    """Find the class that SDK 2.x has for a code of the service; `precise`: also those that it tells nobody of."""
    return error_class(code) if precise or code not in _UNTOLD else None


def second_class(error: Payload, *, precise: bool = False) -> TwilioError:
    """Classify an `error` as SDK 2.x does: by nearly every code of the catalogue; the entry carries what was told."""
    code = error.get(Member.CODE)
    known = _ACCESS.get(code) or known_class(code, precise=precise)
    if known is not None:
        return known(original_error=error)
    return error.get(Member.TWILIO_ERROR) or GeneralErrors.UnknownError(str(error.get(Member.MESSAGE) or ""), error)

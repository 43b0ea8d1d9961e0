"""Access tokens: JSON Web Tokens (RFC 7519) with a voice grant, as the Twilio service and the switchboard take them."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from agent.errors import InvalidArgumentError
from agent.signaling.token.token_settings import DEFAULT_TTL_S, MAX_TTL_S


@dataclass(frozen=True)
class ApiKey:
    """What signs a token: the account (AC...), the key's sid (SK...) and secret, an application (AP...).

    `identity` is the only one that it may sign for; empty where it may for all.
    """

    account_sid: str
    key_sid: str
    secret: str = field(repr=False)
    application_sid: str = ""
    identity: str = ""


@dataclass(frozen=True)
class Validity:
    """When a token says it was made and when it ends, in seconds of Unix time."""

    issued_at: float | None
    expires_at: float


def mint_token(
    key: ApiKey,
    identity: str,
    *,
    ttl_s: int = DEFAULT_TTL_S,
    incoming_allow: bool = True,
    application_sid: str | None = None,
    now: float | None = None,
) -> str:
    """Make a token for `identity`, signed with HS256 and valid for `ttl_s` seconds from `now` (Unix time).

    `application_sid` (AP...), or else the key's, allows outgoing calls. Raises InvalidArgumentError.
    """
    if not identity:
        raise InvalidArgumentError("a token needs an identity; give the name under which this phone is called")
    if not 0 < ttl_s <= MAX_TTL_S:
        raise InvalidArgumentError(f"ttl_s must lie between 1 and {MAX_TTL_S} seconds, not {ttl_s}")
    issued_at = int(time.time() if now is None else now)
    claims = {
        "jti": f"{key.key_sid}-{issued_at}-{uuid.uuid4().hex[:8]}",
        "iss": key.key_sid,
        "sub": key.account_sid,
        "iat": issued_at,
        "exp": issued_at + ttl_s,
        "grants": {"identity": identity, "voice": _voice_grant(incoming_allow, application_sid or key.application_sid)},
    }
    return _signed({"typ": "JWT", "alg": "HS256", "cty": "twilio-fpa;v=1"}, claims, key.secret)


def _voice_grant(incoming_allow: bool, application_sid: str | None) -> dict[str, Any]:
    grant: dict[str, Any] = {"incoming": {"allow": incoming_allow}}
    if application_sid:
        grant["outgoing"] = {"application_sid": application_sid}
    return grant


def token_validity(token: str) -> Validity | None:
    """Read what an unverified token says of its own life; None if opaque. Serves our own renewal only."""
    claims = read_part(token, 1)
    expires_at, issued_at = claims.get("exp"), claims.get("iat")
    if not _is_time(expires_at):
        return None
    return Validity(issued_at if _is_time(issued_at) else None, expires_at)


def read_part(token: str, number: int) -> dict[str, Any]:
    """Read the header (0) or the claims (1) of an unverified token; empty where there is nothing to read."""
    try:
        part = token.split(".")[number]
        members = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (IndexError, ValueError, binascii.Error, RecursionError):
        return {}
    return members if isinstance(members, dict) else {}


def _signed(header: dict[str, Any], claims: dict[str, Any], secret: str) -> str:
    """Write a token in its compact form (RFC 7515 section 7.1, RFC 7518 section 3.2)."""
    text = ".".join(_encoded(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))
    return f"{text}.{_encoded(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())}"


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _is_time(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e11

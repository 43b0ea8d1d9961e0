"""Access tokens as the switchboard judges them: HS256 JWTs with a voice grant, signed with a key that it knows."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import jwt
from jwt.types import Options

from agent.signaling.token.access_token import ApiKey, read_part
from agent.switchboard.grant import Grant, TokenRejected

warnings.filterwarnings("ignore", message="The HMAC key is .* bytes long")  # `check` says so, and what to do

CLOCK_SKEW_S = 60
NO_CLOCK: Options = {"verify_exp": False, "verify_nbf": False, "verify_iat": False}  # PyJWT would read the clock itself


def verify(token: str, find_key: Callable[[str], ApiKey | None], now_s: float) -> Grant:
    """Judge `token` at `now_s` (Unix seconds); TokenRejected with 31204 (invalid) or 31205 (expired).

    `find_key` returns the key with a name, None for one that is unknown or was removed.
    """
    key = find_key(str(read_part(token, 1).get("iss")))
    if key is None:
        raise TokenRejected(31204, "JWT invalid: issued by an unknown key")
    try:
        claims = jwt.decode(token, key.secret, algorithms=["HS256"], options=NO_CLOCK)
    except (jwt.InvalidTokenError, ValueError, RecursionError):
        raise TokenRejected(31204, "JWT invalid") from None
    identity = _identity(claims)
    if key.identity not in ("", identity):
        raise TokenRejected(31204, "JWT invalid: its key is another one's")
    account_sid = str(claims.get("sub", key.account_sid))
    return Grant(identity, account_sid, _ttl_s(claims, now_s), *_voice(claims), key.key_sid if key.identity else "")


def _identity(claims: dict[str, Any]) -> str:
    identity = _table(claims, "grants").get("identity")
    if not isinstance(identity, str) or not 0 < len(identity) <= 121 or not identity.isprintable():
        raise TokenRejected(31204, "JWT invalid: it names no identity")
    return identity


def _ttl_s(claims: dict[str, Any], now_s: float) -> float:
    expires_s, not_before_s = claims.get("exp"), claims.get("nbf", 0)
    if not isinstance(expires_s, int | float) or not isinstance(not_before_s, int | float):
        raise TokenRejected(31204, "JWT invalid: its times are missing or no numbers")
    if expires_s <= now_s:
        raise TokenRejected(31205, "JWT Token Expired")
    if not_before_s > now_s + CLOCK_SKEW_S:
        raise TokenRejected(31204, "JWT invalid: not valid yet; compare the clocks")
    return expires_s - now_s


def _voice(claims: dict[str, Any]) -> tuple[bool, bool]:
    voice = _table(claims, "grants").get("voice")
    if not isinstance(voice, dict):
        raise TokenRejected(31204, "JWT invalid: it has no voice grant")
    return "outgoing" in voice, _table(voice, "incoming").get("allow") is True


def _table(claims: dict[str, Any], key: str) -> dict[str, Any]:
    value = claims.get(key)
    return value if isinstance(value, dict) else {}

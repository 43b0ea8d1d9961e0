"""What an access token says of itself, unverified: for whom it is, who signed it, what it allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from agent.signaling.token.access_token import read_part

CONTENT_TYPE: Final = "twilio-fpa;v=1"  #: `cty` of the header of a Twilio access token


@dataclass(frozen=True)
class TokenFacts:
    """Names are empty, and grants denied, where the token does not say so as it should."""

    identity: str
    key_sid: str
    account_sid: str
    content_type: str
    has_voice: bool
    lets_calls_in: bool
    application_sid: str  #: that outgoing calls go through; without one there are none


def read_facts(token: str) -> TokenFacts:
    """Read any text, also what is not a token."""
    claims = read_part(token, 1)
    grants = _table(claims, "grants")
    voice = _table(grants, "voice")
    return TokenFacts(
        identity=_text(grants, "identity"),
        key_sid=_text(claims, "iss"),
        account_sid=_text(claims, "sub"),
        content_type=_text(read_part(token, 0), "cty"),
        has_voice=isinstance(grants.get("voice"), dict),
        lets_calls_in=_table(voice, "incoming").get("allow") is True,
        application_sid=_text(_table(voice, "outgoing"), "application_sid"),
    )


def _table(members: dict[str, Any], name: str) -> dict[str, Any]:
    value = members.get(name)
    return value if isinstance(value, dict) else {}


def _text(members: dict[str, Any], name: str) -> str:
    value = members.get(name)
    return value if isinstance(value, str) else ""

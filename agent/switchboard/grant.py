"""What the judgement of an access token is: a grant, or a refusal. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from agent.errors import FarSideError


class TokenRejected(FarSideError):
    """A token that gives no access; `code` and the message go to the client (spec: device 12)."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True)
class Grant:
    """What a valid token allows."""

    identity: str
    account_sid: str
    ttl_s: float
    may_call: bool
    may_register: bool
    key_sid: str = ""  # of the box's own credential that signed it; empty where that was the site's key

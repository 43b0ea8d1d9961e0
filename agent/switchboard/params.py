"""The parameters of an `invite`: whom to call, and what the callee is told. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote_plus

from agent.switchboard.messages import Message

LIMIT = 8192


@dataclass(frozen=True)
class DialParams:
    """Whom to call, and the caller's own parameters, still url-encoded, for the callee."""

    target: str
    rest: str


def read_params(message: Message) -> DialParams:
    """Read `twilio.params`; whatever cannot be read names nobody."""
    params = message.table("twilio").get("params", "")
    return split_params(params if isinstance(params, str) and len(params) <= LIMIT else "")


def split_params(params: str) -> DialParams:
    """Split `To=bob&x=1`; `To` may also say client:bob."""
    pairs = [(pair.partition("=")[0], pair) for pair in params.split("&") if pair]
    to = next((pair.partition("=")[2] for key, pair in pairs if key == "To"), "")
    return DialParams(unquote_plus(to).removeprefix("client:"), "&".join(pair for key, pair in pairs if key != "To"))


def invite_parameters(params: DialParams, caller: str, account_sid: str) -> dict[str, str]:
    """Return the callee's `parameters`, all but its CallSid (spec: connection 1)."""
    parameters = {
        "AccountSid": account_sid,
        "ApiVersion": "2010-04-01",
        "From": f"client:{caller}",
        "To": f"client:{params.target}",
    }
    return {**parameters, "Params": params.rest} if params.rest else parameters

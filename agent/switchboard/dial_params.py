"""Whom an `invite` calls, and what its callee is told of it (spec: signaling 7, connection 1). Pure."""

from __future__ import annotations

from dataclasses import dataclass

from agent.signaling.pstream.messages import Message
from agent.signaling.pstream.names import Member
from agent.signaling.pstream.params import read_params

PARAMS_LIMIT = 8_192
MOST_NAMES = 10  # that one call rings, as of the voice service


@dataclass(frozen=True)
class DialParams:
    """Whom to call, and the caller's own parameters, still encoded, for the callee."""

    target: str
    rest: str

    @property
    def names(self) -> tuple[str, ...]:
        """The identities that ring together: those between the commas; too many are nobody."""
        found = dict.fromkeys(name.strip().removeprefix("client:") for name in self.target.split(","))
        return tuple(filter(None, found)) if len(found) <= MOST_NAMES else ()


def dial_params(message: Message) -> DialParams:
    """Read `twilio.params` of an `invite`; whatever cannot be read names nobody."""
    params = message.table(Member.TWILIO).get(Member.PARAMS, "")
    return split_params(params if isinstance(params, str) and len(params) <= PARAMS_LIMIT else "")


def split_params(params: str) -> DialParams:
    """Split `To=bob&x=1`; `To` may also say client:bob."""
    read = read_params(params)
    to = {param.key: param.value for param in read}.get("To", "")
    return DialParams(to.removeprefix("client:"), "&".join(param.text for param in read if param.key != "To"))


def invite_parameters(params: DialParams, caller: str, account_sid: str) -> dict[str, str]:
    """Return the callee's `parameters`, all but its CallSid."""
    parameters = {
        "AccountSid": account_sid,
        "ApiVersion": "2010-04-01",
        "From": f"client:{caller}",
        "To": f"client:{params.target}",
    }
    return {**parameters, "Params": params.rest} if params.rest else parameters

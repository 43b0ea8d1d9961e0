"""What the server has said of itself and of our token (spec: signaling 8, 11)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from agent.signaling.pstream.messages import Payload
from agent.signaling.pstream.names import Member, MessageType


@dataclass(frozen=True)
class ServiceFacts:
    """The latest words on each; None where nothing was said."""

    gateway: str | None = None
    region: str | None = None  #: in the server's words
    edge: str | None = None
    home: str | None = None  #: where reports go
    identity: str | None = None  #: the name under which we are called
    token_ttl_s: float | None = None  #: how long the token lives, from `connected` on


def first_facts(before: ServiceFacts, _type: str, payload: Payload) -> ServiceFacts:
    """Take what a message says of the place: it may ride on any."""
    return replace(
        before,
        gateway=payload.get(Member.GATEWAY) or before.gateway,
        region=payload.get(Member.REGION) or before.region,
    )


def second_facts(before: ServiceFacts, type_: str, payload: Payload) -> ServiceFacts:
    """Take that too, and what `connected` says besides, which is the whole of it each time."""
    facts = first_facts(before, type_, payload)
    if type_ != MessageType.CONNECTED:
        return facts
    token = payload.get(Member.TOKEN, {})
    return replace(
        facts,
        edge=payload.get(Member.EDGE) or None,
        home=payload.get(Member.HOME) or None,
        identity=token.get(Member.IDENTITY) or None,
        token_ttl_s=token.get(Member.TTL),
    )

"""The two generations of the wire, side by side (docs/spec/generations.md; spec: signaling 11).

The first is that of the JavaScript SDK 1.15, the second that of 2.18. All that differs between them stands here: the
rest of the protocol asks its generation and does not know which one it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from agent.errors import TwilioError
from agent.sdk_version import SDK_VERSION, SECOND_SDK_VERSION
from agent.signaling.pstream.browserinfo import first_browserinfo, second_browserinfo
from agent.signaling.pstream.error_classes import first_class, second_class
from agent.signaling.pstream.hosts import HostNames, first_hosts, second_hosts
from agent.signaling.pstream.messages import Dialect, Payload
from agent.signaling.pstream.names import SECOND_GENERATION_TYPES, SERVER_TYPES
from agent.signaling.pstream.payloads import first_invite, first_listen, second_invite, second_listen
from agent.signaling.pstream.retries import EdgesInTurn, PreferredFirst, Retries
from agent.signaling.pstream.service_facts import ServiceFacts, first_facts, second_facts


@dataclass(frozen=True)
class WireGeneration:
    """What one generation says, hears and does."""

    number: str
    dialect: Dialect
    sdk_version: str
    browserinfo: Callable[[str], Payload]  #: of the SDK's version
    listen: Callable[[str, Payload, int], Payload]  #: of token, browserinfo and reconnectTimeout in seconds
    invite: Callable[[str, str, bool, str], Payload]  #: of sdp, callsid, preflight and encoded parameters
    classify: Callable[[Payload], TwilioError]  #: of the error of an `error` event
    facts: Callable[[ServiceFacts, str, Payload], ServiceFacts]  #: of those before, a message's type and its payload
    hears: frozenset[str]  #: types of messages; all others mean nothing
    queues_register: bool  #: whether a `register` waits for a connection
    hosts: Callable[[HostNames, str | None, HostNames], list[str]]  #: of edge, region and chunderw
    retries: Callable[[Sequence[str], float | None, float], Retries]  #: of addresses, longest pause, preferred for, ms


FIRST: Final = WireGeneration(
    "1",
    Dialect.V1,
    SDK_VERSION,
    browserinfo=first_browserinfo,
    listen=first_listen,
    invite=first_invite,
    classify=first_class,
    facts=first_facts,
    hears=SERVER_TYPES,
    queues_register=True,
    hosts=first_hosts,
    retries=lambda uris, max_ms, _preferred_ms: EdgesInTurn(uris, max_ms),
)
SECOND: Final = WireGeneration(
    "2",
    Dialect.V2,
    SECOND_SDK_VERSION,
    browserinfo=second_browserinfo,
    listen=second_listen,
    invite=second_invite,
    classify=second_class,
    facts=second_facts,
    hears=SERVER_TYPES | SECOND_GENERATION_TYPES,
    queues_register=False,
    hosts=second_hosts,
    retries=PreferredFirst,
)
GENERATIONS: Final = {generation.number: generation for generation in (FIRST, SECOND)}

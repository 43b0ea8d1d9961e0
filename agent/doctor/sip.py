"""Checks of a PBX: each edge from its name to its sub-protocol, the password, and whether calls can come."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

from gevent.event import AsyncResult
from gevent.timeout import Timeout

from agent.config import Config
from agent.config.sip_account import sip_account
from agent.doctor import network
from agent.doctor.checklist import Check, Test, failed, ok, warning
from agent.doctor.network import Place
from agent.errors import AgentError
from agent.log import MOST_WHY, excerpt
from agent.net.tls import client_context
from agent.net.websocket import WebSocket
from agent.program import user_agent
from agent.signaling.sip_refusals import REFUSED_HERE

if TYPE_CHECKING:
    from agent.signaling.sip.stream import SipStream

ANSWER_S = 12.0
_OF_AN_EDGE: Final = {"dns": network.check_dns, "server": network.check_server, "clock": network.check_clock,
                      "tls": network.check_tls}  # fmt: skip

GetSecret = Callable[[], str]


def sip_checks(config: Config, get_secret: GetSecret) -> list[tuple[str, Test]]:
    """List the checks by name; `get_secret` gives the password, AgentError or OSError says why it cannot."""
    tests: list[tuple[str, Test]] = [("network", partial(network.check_network, config.signaling, _place(config, 0)))]
    for number in range(len(config.sip.edges)):
        tests += _edge_checks(config, number)
    return [
        *tests,
        ("password", lambda: check_secret(config, get_secret)),
        ("registration", lambda: check_registration(config, get_secret)),
        ("media", check_media),
    ]


def sip_needs(config: Config) -> Mapping[str, Collection[str]]:
    """Map each check to those without which it cannot work; a registration needs one edge of several."""
    found: dict[str, Collection[str]] = {}
    for number in range(len(config.sip.edges)):
        dns, server, clock, tls, websocket = (_name(each, number) for each in (*_OF_AN_EDGE, "websocket"))
        found |= {server: (dns,), clock: (server,), tls: (server, clock), websocket: (tls,)}
    alone = ("websocket",) if len(config.sip.edges) == 1 else ()
    return {**found, "registration": (*alone, "password"), "media": ("registration",)}


def _edge_checks(config: Config, number: int) -> list[tuple[str, Test]]:
    place = _place(config, number)
    tests: dict[str, Test] = {each: partial(check, config.signaling, place) for each, check in _OF_AN_EDGE.items()}
    tests["websocket"] = lambda: check_websocket(config, config.sip.edges[number])
    names = {each: _name(each, number) for each in tests}
    return [(names[each], partial(_named, names[each], test)) for each, test in tests.items()]


def _named(name: str, test: Test) -> Check:
    return replace(test(), name=name)


def _name(check: str, number: int) -> str:
    return check if number == 0 else f"{check} {number + 1}"


def _place(config: Config, number: int) -> Place:
    edge = urlsplit(config.sip.edges[number])
    return Place(edge.hostname or "", edge.port or 443, "PBX", "sip.edges")


class _Handshake:
    """The owner of a socket that is only opened."""

    def __init__(self) -> None:
        self.outcome: AsyncResult[str] = AsyncResult()  # empty: it is open

    def socket_opened(self) -> None:
        self.outcome.set("")

    def socket_message(self, data: str | bytes) -> None:
        """Take no notice."""

    socket_resolving = socket_resolved = lambda self: None

    def socket_failed(self, message: str) -> None:
        self.outcome.set(message)

    def socket_closed(self, code: int, reason: str) -> None:
        self.outcome.ready() or self.outcome.set("it closed the connection at once")


def check_websocket(config: Config, edge: str, answer_s: float = ANSWER_S) -> Check:
    """Check whether the edge takes WebSockets at this path, and speaks SIP on them (RFC 7118)."""
    from agent.signaling.sip.stream import SUBPROTOCOL

    handshake = _Handshake()
    context = client_context(config.signaling.ca_file or None)
    socket = WebSocket(edge, context, handshake, user_agent(), (SUBPROTOCOL,))
    try:
        why: str = handshake.outcome.get(timeout=answer_s)
    except Timeout:
        why = f"no answer within {answer_s:g} s"
    finally:
        socket.close()
    if why:
        remedy = "correct the path in sip.edges, and let the PBX serve SIP over WebSocket there: docs/sip.md"
        return failed("websocket", f"{edge}: {excerpt(why, MOST_WHY)}", remedy)
    return ok("websocket", f"{edge} speaks {SUBPROTOCOL}")


def check_secret(config: Config, get_secret: GetSecret) -> Check:
    """Check whether the password can be had; whether it is the right one, the registration tells."""
    try:
        secret = get_secret()
    except (AgentError, OSError) as error:
        return failed("password", str(error), "see secret, secret_file and secret_command in [sip]")
    if not secret:
        return warning("password", "there is none", "fine where the PBX asks for none; else set one in [sip]")
    return ok("password", f"from sip.{config.sip.secret_source}")


def check_registration(config: Config, get_secret: GetSecret, answer_s: float = ANSWER_S) -> Check:
    """Check whether calls would come: registers for a moment, also beside an agent that is running."""
    from agent.signaling.sip.stream import SipStream

    account, box = sip_account(config, get_secret(), instance=str(uuid4())), sip_account(config, "")
    stream = SipStream(account, ca_file=config.signaling.ca_file or None)
    try:
        why = _why_not_registered(stream, answer_s)
    finally:
        stream.destroy()
        stream.join(1.0)
    if why:
        return failed("registration", why, "look at the lines above, and at the log of the PBX")
    facts = f"{account.address_of_record} is registered at {stream.uri}: calls can come"
    if others := stream.others(account.instance, box.instance):
        more = f"and ring {others} other phone{'s' if others > 1 else ''} of this user, too"
        return ok("registration", f"{facts}, {more}")
    return ok("registration", facts)


def _why_not_registered(stream: SipStream, answer_s: float) -> str:
    """Register, and tell what came of it; empty where that is a registration."""
    outcome: AsyncResult[str] = AsyncResult()
    told: list[str] = []
    stream.on("ready", lambda _payload: outcome.set(""))
    stream.on("error", lambda payload: _complain(payload, told, outcome))
    stream.open()
    stream.register(True)
    try:
        return str(outcome.get(timeout=answer_s))
    except Timeout:
        return told[-1] if told else f"no answer from {stream.uri} within {answer_s:g} s"


def _complain(payload: Mapping[str, Any], told: list[str], outcome: AsyncResult[str]) -> None:
    """Note an error; one of an edge may be made good by the next one."""
    error = payload.get("error") or {}
    told.append(excerpt(error.get("message") or "", MOST_WHY))
    if error.get("code") == REFUSED_HERE:
        outcome.set(told[-1])


def check_media() -> Check:
    """Say how sound is tried: a PBX has no echo that every caller may call."""
    return ok("media", "not tried by itself; call an echo of the PBX: kiosk-agent call NUMBER --seconds 10")

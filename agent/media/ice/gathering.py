"""Finds the local candidates of an ICE generation: sockets at once, STUN and TURN servers meanwhile (RFC 8445 5.1.1).

Nothing waits for servers. What they give joins the generation's checks without being signalled: the far end learns it
as peer-reflexive (spec: signaling 10.1).
"""

from __future__ import annotations

import asyncio
import functools
import logging
import socket
import ssl
from collections.abc import Callable

from agent.log import MOST_WHY, excerpt
from agent.media.ice.aioice_adapter import COMPONENT, Generation
from agent.media.ice.datagrams import DatagramTransport
from agent.media.ice.library import Candidate, StunProtocol, aioice, candidate_foundation, candidate_priority
from agent.media.ice.names import look_up_family
from agent.media.ice.server_urls import StunServer, TurnServer, usable_servers
from agent.media.ice.sockets import Socket
from agent.media.ice.turn import lacks_family, open_relay
from agent.media.settings import MediaSettings
from agent.net.netlink import snapshot
from agent.net.tls import plain_client_context

log = logging.getLogger(__name__)

LIMIT_S = 10.0
IPV4_ALONE_S = 1.0  # after that a server that is silent about an IPv4 relay is asked for an IPv6 one all the same
PREFERENCE_STEP = 256  # between the local preferences of addresses, the likeliest first


class Gatherer:
    """Gathers for every generation of one call; asyncio only."""

    def __init__(self, settings: MediaSettings, on_candidate: Callable[[Candidate], None]) -> None:
        self._settings = settings
        self._on_candidate = on_candidate
        self._stun, self._turn = usable_servers(settings.ice_servers)
        self.relay_only = settings.ice_transport_policy == "relay"

    async def open_hosts(self, generation: Generation) -> None:
        """Open a socket on every local address that has none yet; takes no network traffic, so no time."""
        open_already = {opened.local_candidate.host for opened in generation.host_sockets}
        hosts = sorted([] if self.relay_only else snapshot().hosts(), key=lambda ip: ip != generation.likely_address)
        for rank, address in enumerate(hosts):
            if address in open_already:
                continue
            candidate = self._open_host(generation, address, max(0, 65_535 - PREFERENCE_STEP * rank))
            if candidate is not None:
                self._on_candidate(candidate)

    async def ask_servers(self, generation: Generation, on_relay: Callable[[], None] = lambda: None) -> None:
        """Ask every server; returns when all have answered, or after a time limit when their answers still count.

        `on_relay` is called after each relay was added to `generation`.
        """
        asked = [self._ask_stun(generation, host, server) for server in self._stun for host in generation.host_sockets]
        asked += [self._ask_turn(generation, server, on_relay) for server in self._turn]
        tasks = [asyncio.ensure_future(question) for question in asked]
        if not tasks:
            return
        try:
            await asyncio.wait(tasks, timeout=LIMIT_S)
        except asyncio.CancelledError:
            for task in tasks:
                task.cancel()
            raise

    def _open_host(self, generation: Generation, address: str, preference: int) -> Candidate | None:
        opened = Socket(generation)
        try:
            transport = DatagramTransport(opened, address)
        except OSError as error:
            log.info("no socket on %s: %s", address, error)
            return None
        _mark(transport.get_extra_info("socket"), self._settings.dscp)
        host, port = transport.get_extra_info("sockname")[:2]
        opened.local_candidate = _candidate("host", host, port, host, preference)
        generation.add_socket(opened)
        return opened.local_candidate

    async def _ask_stun(self, generation: Generation, opened: StunProtocol, server: StunServer) -> None:
        base = opened.local_candidate
        family = socket.AF_INET6 if ":" in base.host else socket.AF_INET
        try:
            address = await look_up_family(server.host, server.port, family)
            request = aioice.stun.Message(aioice.stun.Method.BINDING, aioice.stun.Class.REQUEST)
            response, source = await opened.request(request, (address, server.port))
            if source != (address, server.port):
                raise ConnectionError(f"{source[0]} answered in its place")
            host, port = response.attributes["XOR-MAPPED-ADDRESS"]
        except Exception as error:
            log.info("STUN server %s gives no address for %s: %s", server.host, base.host, excerpt(error, MOST_WHY))
            return
        if host == base.host:
            return
        candidate = _candidate("srflx", host, port, base.host + address)
        candidate.related_address, candidate.related_port = base.host, base.port
        generation.add_candidate(candidate)
        self._on_candidate(candidate)

    async def _ask_turn(self, generation: Generation, server: TurnServer, on_relay: Callable[[], None]) -> None:
        """Ask for an IPv4 relay, then for an IPv6 one: also, or all the more, for a machine that has no IPv6 itself.

        One after the other, because the second must not take the last place in the user's quota from the first.
        """
        async with asyncio.TaskGroup() as questions:
            first = questions.create_task(self._ask_relay(generation, server, socket.AF_INET, on_relay))
            await asyncio.wait([first], timeout=IPV4_ALONE_S)
            if not generation.ended:
                questions.create_task(self._ask_relay(generation, server, socket.AF_INET6, on_relay))

    async def _ask_relay(
        self, generation: Generation, server: TurnServer, family: socket.AddressFamily, on_relay: Callable[[], None]
    ) -> None:
        relay, ipv6 = Socket(generation), family == socket.AF_INET6
        try:
            transport = await open_relay(server, family, relay, self._tls if server.tls else None)
        except Exception as error:
            level = logging.DEBUG if ipv6 and lacks_family(error) else logging.INFO
            why = excerpt(error, MOST_WHY)
            log.log(level, "TURN server %s gives no IPv%d relay: %s", server.host, 6 if ipv6 else 4, why)
            return
        if generation.ended:
            transport.close()
            return
        host, port = transport.get_extra_info("sockname")
        candidate = _candidate("relay", host, port, host, 65_535 - PREFERENCE_STEP * ipv6)
        candidate.related_address, candidate.related_port = transport.get_extra_info("related_address")
        relay.local_candidate = candidate
        generation.add_socket(relay)
        self._on_candidate(candidate)
        on_relay()

    @functools.cached_property
    def _tls(self) -> ssl.SSLContext:
        return plain_client_context(self._settings.turn_ca_file)


def _candidate(kind: str, host: str, port: int, base: str, preference: int = 65_535) -> Candidate:
    return Candidate(
        foundation=candidate_foundation(kind, "udp", base),
        component=COMPONENT,
        transport="udp",
        priority=candidate_priority(COMPONENT, kind, preference),
        host=host,
        port=port,
        type=kind,
    )


def _mark(opened: socket.socket, dscp: int) -> None:
    """Mark our packets for DiffServ (RFC 8837); a network that forbids it is not an error."""
    try:
        if dscp and opened.family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, dscp << 2)
        elif dscp:
            opened.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, dscp << 2)
    except OSError as error:
        log.debug("packets cannot be marked: %s", error)

"""Finds the local candidates of an ICE generation: sockets at once, STUN and TURN servers meanwhile (RFC 8445 5.1.1).

Nothing waits for servers. What they give joins the checks of the leg without being signalled: the far end learns it as
peer-reflexive (spec: signaling 10.1).
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable

import aioice.ice
import aioice.stun
from aioice import Candidate
from aioice.candidate import candidate_foundation, candidate_priority
from aioice.ice import StunProtocol

from agent.media.netlink import snapshot
from agent.media.private import COMPONENT, Leg, Socket
from agent.media.servers import StunServer, TurnServer, usable_servers
from agent.media.settings import MediaSettings

log = logging.getLogger(__name__)

LIMIT_S = 10.0
PREFERENCE_STEP = 256  # between the local preferences of addresses, the likeliest first


class Gatherer:
    """Gathers for every leg of one call; asyncio only."""

    def __init__(self, settings: MediaSettings, on_candidate: Callable[[Candidate], None]) -> None:
        self._settings = settings
        self._on_candidate = on_candidate
        self._stun, self._turn = usable_servers(settings.ice_servers)
        self.relay_only = settings.ice_transport_policy == "relay"

    async def open_hosts(self, leg: Leg) -> None:
        """Open a socket on every local address that has none yet; takes no network traffic, so no time."""
        open_already = {opened.local_candidate.host for opened in leg.host_sockets}
        for rank, address in enumerate([] if self.relay_only else snapshot().hosts()):
            if address in open_already:
                continue
            candidate = await self._open_host(leg, address, max(0, 65_535 - PREFERENCE_STEP * rank))
            if candidate is not None:
                self._on_candidate(candidate)

    async def ask_servers(self, leg: Leg) -> None:
        """Ask every server; returns when all have answered, or after a time limit when their answers still count."""
        asked = [self._ask_stun(leg, host, server) for server in self._stun for host in leg.host_sockets]
        asked += [self._ask_turn(leg, server) for server in self._turn]
        tasks = [asyncio.ensure_future(question) for question in asked]
        if not tasks:
            return
        try:
            await asyncio.wait(tasks, timeout=LIMIT_S)
        except asyncio.CancelledError:
            for task in tasks:
                task.cancel()
            raise

    async def _open_host(self, leg: Leg, address: str, preference: int) -> Candidate | None:
        loop = asyncio.get_running_loop()
        try:
            transport, opened = await loop.create_datagram_endpoint(lambda: Socket(leg), local_addr=(address, 0))
        except OSError as error:
            log.info("no socket on %s: %s", address, error)
            return None
        _mark(transport.get_extra_info("socket"), self._settings.dscp)
        host, port = transport.get_extra_info("sockname")[:2]
        opened.local_candidate = _candidate("host", host, port, host, preference)
        leg.add_socket(opened)
        return opened.local_candidate

    async def _ask_stun(self, leg: Leg, opened: StunProtocol, server: StunServer) -> None:
        base = opened.local_candidate
        family = socket.AF_INET6 if ":" in base.host else socket.AF_INET
        try:
            address = await _resolve(server.host, server.port, family)
            request = aioice.stun.Message(aioice.stun.Method.BINDING, aioice.stun.Class.REQUEST)
            response, _ = await opened.request(request, (address, server.port))
            host, port = response.attributes["XOR-MAPPED-ADDRESS"]
        except Exception as error:
            log.info("STUN server %s gives no address for %s: %s", server.host, base.host, error)
            return
        if host == base.host:
            return
        candidate = _candidate("srflx", host, port, base.host + address)
        candidate.related_address, candidate.related_port = base.host, base.port
        leg.add_candidate(candidate)
        self._on_candidate(candidate)

    async def _ask_turn(self, leg: Leg, server: TurnServer) -> None:
        try:
            candidate, relay = await aioice.ice.relayed_candidate(
                component=COMPONENT,
                hide_related_address=False,
                protocol_factory=lambda: Socket(leg),
                turn_server=(server.host, server.port),
                turn_username=server.username,
                turn_password=server.credential,
                turn_ssl=self._tls() if server.tls else None,  # type: ignore[arg-type]  # asyncio takes a context
                turn_transport=server.transport,
            )
        except Exception as error:
            log.info("TURN server %s gives no relay: %s", server.host, error)
            return
        if leg.ended:
            relay.transport.close()
            return
        leg.add_socket(relay)
        self._on_candidate(candidate)

    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._settings.turn_ca_file or None)


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


async def _resolve(host: str, port: int, family: int) -> str:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_DGRAM)
    return str(found[0][4][0])


def _mark(opened: socket.socket, dscp: int) -> None:
    """Mark our packets for DiffServ (RFC 8837); a network that forbids it is no error."""
    try:
        if dscp and opened.family == socket.AF_INET6:
            opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, dscp << 2)
        elif dscp:
            opened.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, dscp << 2)
    except OSError as error:
        log.debug("packets cannot be marked: %s", error)

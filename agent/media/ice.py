"""One ICE transport whose generations come and go underneath a running call (RFC 8445, RFC 7675).

aioice cannot restart. So each generation is a `Leg` of its own and this facade is what DTLS and SRTP see for the whole
call. A restart opens a new leg beside the current one; the first leg with a nominated pair carries what we send; the
one before keeps receiving until media was heard on the new one and not on the old (make before break). Gathering never
holds up a description: host sockets open at once, servers are asked meanwhile, and what they give joins the checks
without being signalled, because the far end learns it as peer-reflexive.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Coroutine
from typing import Any

from aioice import Candidate

from agent.media.netlink import snapshot
from agent.media.path import CONSENT_EXPIRES_S, PathLimits, consent_due
from agent.media.private import Address, Leg, Pair, Socket
from agent.media.sdp import IceParameters
from agent.media.servers import StunServer, TurnServer, usable_servers
from agent.media.settings import MediaSettings

log = logging.getLogger(__name__)

GATHER_LIMIT_S = 10.0
LINGER_S = 2.0  # an old leg stays while media arrived on it this recently
LINGER_LIMIT_S = 30.0
NOMINATION_PATIENCE_S = 0.5  # then a valid pair is used although the far end did not nominate it
RETRY_CHECKS_S = 1.0
CONSENT_RETRANSMISSIONS = 3


class IceListener:
    """What the facade reports; every method is called in the asyncio loop."""

    def on_ice_packet(self, data: bytes, leg: Leg, source: Socket, address: Address) -> None:
        """A datagram that is not STUN; nothing is known of its sender."""

    def on_ice_state(self, state: str) -> None:
        """new, checking, connected, disconnected, failed or closed."""

    def on_ice_gathering_state(self, state: str) -> None:
        """gathering or complete."""

    def on_ice_candidate(self, candidate: Candidate) -> None:
        """One more local candidate."""

    def on_ice_selected_pair(self, pair: Pair) -> None:
        """What we send travels over another pair from now on."""


class IceTransport:
    """The facade; asyncio only. DTLS uses `role`, `_recv` and `_send`."""

    def __init__(self, settings: MediaSettings, listener: IceListener) -> None:
        self._settings = settings
        self._listener = listener
        self._limits = PathLimits(settings.disconnected_after_ms / 1000, settings.failed_after_ms / 1000)
        self._stun, self._turn = usable_servers(settings.ice_servers)
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._current: Leg | None = None
        self._pending: Leg | None = None
        self._old: list[tuple[Leg, float]] = []  # with the time of their replacement
        self._pair: Pair | None = None
        self._straight_at = 0.0
        self._consent_at = 0.0
        self._retry_at = 0.0
        self._closed = False
        self._gathering: set[Leg] = set()
        self._handshake: asyncio.Queue[bytes] = asyncio.Queue(maxsize=64)
        self.state = "new"
        self.gathering_state = "new"

    # what DTLS uses

    @property
    def role(self) -> str:
        """Whether we choose the pair."""
        leg = self.newest
        return "controlling" if leg is not None and leg.ice_controlling else "controlled"

    async def _recv(self) -> bytes:
        return await self._handshake.get()

    async def _send(self, data: bytes) -> None:
        self.send(data)

    def handshake_packet(self, data: bytes) -> None:
        """Queue a DTLS record for `_recv`; a flood is dropped."""
        if not self._handshake.full():
            self._handshake.put_nowait(data)

    # generations

    @property
    def newest(self) -> Leg | None:
        """The leg that the next or latest description is about."""
        return self._pending or self._current

    @property
    def current(self) -> Leg | None:
        """The leg that carries what we send."""
        return self._current

    async def new_generation(self, controlling: bool) -> Leg:
        """Open a new leg with fresh credentials on every local address; a leg still unconnected is given up."""
        self._drop_pending()
        relay_only = self._settings.ice_transport_policy == "relay"
        leg = Leg(controlling, self._packet, self._leg_changed, relay_only)
        self._pending = leg
        self._set_gathering("gathering", leg)
        if not relay_only:
            for rank, address in enumerate(snapshot().hosts()):
                candidate = await leg.add_host(address, max(0, 65_535 - 256 * rank), self._prepare)
                if candidate is not None:
                    self._listener.on_ice_candidate(candidate)
        self._spawn(self._gather(leg))
        return leg

    def abandon_pending(self) -> None:
        """Give up a generation that was offered and not answered; the current one goes on."""
        if self._current is not None:
            self._drop_pending()

    def set_remote(self, parameters: IceParameters) -> None:
        """Start checks of the newest leg, or go on with other credentials if the far end changed its mind."""
        leg = self.newest
        if leg is None or self._closed:
            return
        first = leg.checking_since is None
        leg.remote_is_lite = parameters.lite
        leg.remote_username, leg.remote_password = parameters.ufrag, parameters.password
        leg.checking_since = self._loop.time()
        for text in parameters.candidates:
            self._spawn(_add_candidate(leg, text))
        if first:
            self._spawn(self._connect(leg))
        else:
            leg.retry_checks()
        self.tick()

    @property
    def unconnected(self) -> bool:
        """Whether the newest leg carries nothing yet."""
        return self._pending is not None

    def is_remote(self, parameters: IceParameters) -> bool:
        """Whether the newest leg already works with these credentials."""
        leg = self.newest
        return leg is not None and (leg.remote_username, leg.remote_password) == (
            parameters.ufrag,
            parameters.password,
        )

    # media

    def send(self, data: bytes) -> bool:
        """Send one datagram on the best path there is; False when there is none."""
        if self._pair is None:
            return False
        self._pair.send(data)
        return True

    @property
    def pair(self) -> Pair | None:
        """The pair that carries what we send."""
        return self._pair

    @property
    def local_address(self) -> str | None:
        """The address of this machine that media leaves from; None before there is a path."""
        return self._pair.own_address if self._pair is not None else None

    @property
    def rtt_ms(self) -> float | None:
        """Round-trip time of the latest answered check."""
        return self._current.rtt_ms if self._current is not None else None

    def authentic(self, leg: Leg, source: Socket, address: Address) -> None:
        """The datagram just reported came from the far end for certain: it keeps the path alive and shows the way."""
        now = leg.heard_at = leg.media_at = self._loop.time()
        pair = self._pair
        if leg is not self._current or pair is None:
            return
        if address == pair.destination:
            self._straight_at = now
        elif source is pair.socket:
            self._follow(leg, source, address, now)

    def _follow(self, leg: Leg, source: Socket, address: Address, now: float) -> None:
        """Media comes from elsewhere than it goes to (a NAT was rebound): check that path and move to it.

        The controlling side moves by nominating; the other one, and one whose far end is ICE-lite, by itself.
        """
        valid = next((p for p in leg.valid_pairs if p.destination == address and p.socket is source), None)
        if valid is None:
            leg.probe(source, address)
        elif (not leg.ice_controlling or leg.remote_is_lite) and now - self._straight_at > NOMINATION_PATIENCE_S:
            leg.adopt(valid)

    # time

    def tick(self) -> None:
        """Look after consent, old legs and the state; call it every 100 ms or so."""
        if self._closed:
            return
        now = self._loop.time()
        self._look_for_pairs(now)
        self._look_after_consent(now)
        self._drop_old_legs(now)
        self._set_state(self._state_at(now))

    def _state_at(self, now: float) -> str:
        current = self._current
        state = "new"
        if current is not None:
            state = self._limits.state(now - self._heard_at(), now - (current.answered_at or 0.0))
        leg = self._pending
        if state != "connected" and leg is not None and leg.checking_since is not None:
            state = "checking" if now - leg.checking_since < self._limits.checking_s else "failed"
        return state

    def _heard_at(self) -> float:
        legs = [leg for leg, _ in self._old] + ([self._current] if self._current else [])
        return max((leg.heard_at or 0.0 for leg in legs), default=0.0)

    def _look_for_pairs(self, now: float) -> None:
        """Use what works, nominated or not, when what we use does not."""
        if self._current is not None and now - self._heard_at() < NOMINATION_PATIENCE_S:
            return
        for leg in (self._pending, self._current):
            if leg is None or leg.checking_since is None or now - leg.checking_since < NOMINATION_PATIENCE_S:
                continue
            fresh = [pair for pair in leg.valid_pairs if not pair.same(self._pair)]
            if fresh and leg.answered_at and now - leg.answered_at < NOMINATION_PATIENCE_S:
                leg.adopt(fresh[0])
                return
        if now >= self._retry_at and self._pending is not None:
            self._retry_at = now + RETRY_CHECKS_S
            self._pending.retry_checks()

    def _look_after_consent(self, now: float) -> None:
        leg, pair = self._current, self._pair
        if leg is None or pair is None:
            return
        if now - (leg.answered_at or now) > CONSENT_EXPIRES_S:
            log.info("the far end did not answer for %d s; nothing more is sent on this path", CONSENT_EXPIRES_S)
            self._pair = None
        elif consent_due(now - self._consent_at, now - self._heard_at()):
            self._consent_at = now
            self._spawn(self._ask_consent(leg, pair, now))

    async def _ask_consent(self, leg: Leg, pair: Pair, asked_at: float) -> None:
        if await leg.ask_consent(pair, CONSENT_RETRANSMISSIONS):
            leg.heard_at = leg.answered_at = self._loop.time()
            leg.rtt_ms = (leg.answered_at - asked_at) * 1000

    def _drop_old_legs(self, now: float) -> None:
        current = self._current
        for leg, since in list(self._old):
            moved = current is not None and (current.media_at or 0.0) > since
            quiet = now - max(leg.media_at or 0.0, since) > LINGER_S
            if (moved and quiet) or now - since > LINGER_LIMIT_S:
                self._old.remove((leg, since))
                self._spawn(leg.close())

    # what legs report

    def _packet(self, leg: Leg, data: bytes, source: Socket, address: Address) -> None:
        if not self._closed:
            self._listener.on_ice_packet(data, leg, source, address)

    def _leg_changed(self, leg: Leg) -> None:
        pair = leg.nominated
        if pair is None or self._closed or leg not in (self._pending, self._current):
            return
        if leg is self._pending:
            self._promote(leg)
        if not pair.same(self._pair):
            self._pair = pair
            self._consent_at = self._loop.time()
            self._listener.on_ice_selected_pair(pair)
        self.tick()

    def _promote(self, leg: Leg) -> None:
        if self._current is not None:
            self._old.append((self._current, self._loop.time()))
        self._current, self._pending = leg, None

    def _drop_pending(self) -> None:
        leg, self._pending = self._pending, None
        if leg is not None:
            self._spawn(leg.close())

    async def _connect(self, leg: Leg) -> None:
        try:
            await leg.connect()
        except ConnectionError as error:
            log.debug("an ICE generation ended: %s", error)
            return
        leg.retry_checks()  # the checks that winning cancelled would otherwise stay in progress for ever

    # gathering

    async def _gather(self, leg: Leg) -> None:
        waits = [self._ask_stun(leg, server) for server in self._stun if leg.host_sockets]
        waits += [self._ask_turn(leg, server) for server in self._turn]
        if waits:
            await asyncio.wait([self._spawn(wait) for wait in waits], timeout=GATHER_LIMIT_S)
        self._gathering.discard(leg)
        if leg is self.newest:
            self._set_gathering("complete", None)

    async def _ask_stun(self, leg: Leg, server: StunServer) -> None:
        for host in leg.host_sockets:
            family = socket.AF_INET6 if ":" in host.local_candidate.host else socket.AF_INET
            try:
                found = await self._loop.getaddrinfo(server.host, server.port, family=family, type=socket.SOCK_DGRAM)
                candidate = await leg.ask_stun(host, server, str(found[0][4][0]))
            except Exception as error:
                log.info("STUN server %s gives no address for %s: %s", server.host, host.local_candidate.host, error)
                continue
            if candidate.host != host.local_candidate.host:
                self._listener.on_ice_candidate(candidate)

    async def _ask_turn(self, leg: Leg, server: TurnServer) -> None:
        try:
            candidate = await leg.add_relay(server, self._tls() if server.tls else None)
        except Exception as error:
            log.info("TURN server %s gives no relay: %s", server.host, error)
            return
        self._listener.on_ice_candidate(candidate)

    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self._settings.turn_ca_file or None)

    def _prepare(self, sock: socket.socket) -> None:
        """Mark our packets for DiffServ (RFC 8837); a network that forbids it is no error."""
        if not self._settings.dscp:
            return
        tos = self._settings.dscp << 2
        try:
            if sock.family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, tos)
            else:
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tos)
        except OSError as error:
            log.debug("packets cannot be marked: %s", error)

    # state and end

    def _set_state(self, state: str) -> None:
        if state != self.state:
            self.state = state
            self._listener.on_ice_state(state)

    def _set_gathering(self, state: str, leg: Leg | None) -> None:
        if leg is not None:
            self._gathering = {leg}
        if state != self.gathering_state:
            self.gathering_state = state
            self._listener.on_ice_gathering_state(state)

    def sever(self) -> None:
        """Break the path that is in use without telling anyone; what is opened later works."""
        for leg in [self._current, *(leg for leg, _ in self._old)]:
            if leg is not None:
                leg.sever()

    def close(self) -> None:
        """Close every socket in the background; idempotent."""
        if self._closed:
            return
        legs = [self._current, self._pending, *(leg for leg, _ in self._old)]
        self._current = self._pending = self._pair = None
        self._old.clear()
        self._closed = True
        for task in self._tasks:
            task.cancel()
        for leg in legs:
            if leg is not None:
                self._spawn(leg.close())
        self._set_state("closed")

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.warning("a task of the ICE transport failed", exc_info=task.exception())


async def _add_candidate(leg: Leg, text: str) -> None:
    try:
        candidate = Candidate.from_sdp(text)
        if candidate.transport.lower() == "udp" and candidate.component == 1 and 0 < candidate.port < 65_536:
            await leg.add_remote_candidate(candidate)
    except (ValueError, OSError) as error:
        log.info("a candidate of the far end is left out (%s): %s", error, text[:120])



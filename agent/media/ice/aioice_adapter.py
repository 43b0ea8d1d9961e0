"""Every private name of aioice that this program uses, behind public names of our own.

aioice is pinned to a minor version; `PRIVATE_NAMES` is what a test looks up, so that an upgrade which moves one of
them fails there and not in a call.

A `Leg` is one ICE generation: an `aioice.Connection` whose sockets hand us datagrams at once instead of through a
queue, which neither closes itself nor gathers anything by itself, and which can be steered to another pair.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import Any

import aioice
import aioice.ice
import aioice.stun
import aioice.turn
from aioice.candidate import candidate_priority
from aioice.ice import CandidatePair, StunProtocol

from agent.media.strangers import strangers

log = logging.getLogger(__name__)

PRIVATE_NAMES = {
    aioice.Candidate: ("_network_host",),
    aioice.Connection: (
        "_check_list",
        "_early_checks_done",
        "_local_candidates",
        "_local_candidates_end",
        "_local_candidates_start",
        "_nominated",
        "_pair_remote_candidate",
        "_protocols",
        "_remote_candidates",
    ),
    aioice.turn.TurnTransport: ("_TurnTransport__inner_protocol", "_connect"),
}

logging.getLogger("aioice").setLevel(logging.WARNING)  # it tells of every connectivity check at INFO
aioice.stun.RETRY_RTO = 0.1  # the default 0.5 s makes one lost check cost half a second of a restart

COMPONENT = 1
MOST_REMOTE_ADDRESSES = 64  # of a leg; a check that was overheard can be repeated from anywhere
MAX_DATAGRAM_BYTES = 2_048
STILL_GOOD_S = 0.5  # a path on which something was heard this recently works
HIGHEST_STUN_BYTE = 3  # the first byte tells STUN, DTLS and RTP apart (RFC 7983)

Address = tuple[str, int]
PacketSink = Callable[[bytes, "Leg", "Socket", Address], None]


class Socket(StunProtocol):
    """A UDP socket, or a TURN allocation, of one leg."""

    receiver: Leg

    def __init__(self, leg: Leg) -> None:
        super().__init__(leg)
        self._verified: set[Address] = set()

    def is_verified(self, address: Address) -> bool:
        """Whether the far end has proved, by a check, that it is there."""
        return address in self._verified

    def verify(self, address: Address) -> None:
        """A check was passed: what this address sends may be looked at."""
        if address not in self._verified and len(self._verified) < MOST_REMOTE_ADDRESSES:
            self._verified.add(address)
            self.receiver.on_verified(self, address)

    def connection_made(self, transport: Any) -> None:
        """Start on a transport; asyncio would make room for 256 KiB for each datagram, at ten times its price."""
        super().connection_made(transport)
        if hasattr(transport, "max_size"):
            transport.max_size = MAX_DATAGRAM_BYTES + 1

    def datagram_received(self, data: bytes | str, addr: tuple[Any, ...]) -> None:
        """Pass media on at once; let aioice read STUN, whatever it may contain."""
        assert isinstance(data, bytes)
        if not data or len(data) > MAX_DATAGRAM_BYTES:
            return
        if data[0] > HIGHEST_STUN_BYTE:
            self.receiver.on_packet(data, self.receiver, self, addr if len(addr) == 2 else (addr[0], addr[1]))
            return
        try:
            super().datagram_received(data, addr)
        except Exception:  # a hostile STUN message must not leave the socket's callback
            strangers.note("malformed STUN messages", str(addr[0]))

    def send_stun(self, message: aioice.stun.Message, addr: Address) -> None:
        """Send one STUN message; a socket that is closed, as by `abort`, sends nothing and its requests time out."""
        if not is_closing(self.transport):
            super().send_stun(message, addr)

    def abort(self) -> None:
        """Stop working without telling anyone."""
        abort = getattr(self.transport, "abort", self.transport.close)
        abort()


async def allocate(
    client: aioice.turn.TurnClientProtocol, protocol: asyncio.DatagramProtocol
) -> aioice.turn.TurnTransport:
    """Ask the TURN server that `client` has reached for a relay; closes `client` when it gives none."""
    relay = aioice.turn.TurnTransport(client)
    try:
        await relay._connect(protocol)
    except BaseException:  # also when nobody waits for the answer any more
        client.transport.close()
        raise
    return relay


def is_relay(pair: CandidatePair, other: CandidatePair) -> bool:
    """Whether `pair` goes through a relay of ours and `other` does not."""
    return pair.local_candidate.type == "relay" != other.local_candidate.type


def is_closing(transport: Any) -> bool:
    """Whether a socket is closed; aioice's TURN transport does not tell, and counts as open."""
    return isinstance(transport, asyncio.BaseTransport) and transport.is_closing()


class Pair:
    """A pair of addresses that may carry media; cheap to send on."""

    __slots__ = ("_raw", "_send", "_transport", "destination")

    def __init__(self, raw: CandidatePair) -> None:
        self._raw = raw
        self._send = raw.protocol.transport.sendto
        self._transport = raw.protocol.transport
        self.destination: Address = raw.remote_addr

    @property
    def socket(self) -> StunProtocol:
        """The socket on our side."""
        return self._raw.protocol

    @property
    def own_address(self) -> str:
        """The address of this machine behind our side, also where that is a relay."""
        inner = getattr(self._transport, "_TurnTransport__inner_protocol", None)
        transport = inner.transport if inner is not None else self._transport
        return str(transport.get_extra_info("sockname")[0])

    @property
    def local(self) -> aioice.Candidate:
        """Our side."""
        return self._raw.local_candidate

    @property
    def remote(self) -> aioice.Candidate:
        """The far side."""
        return self._raw.remote_candidate

    def same(self, other: Pair | None) -> bool:
        """Whether both are the same pair."""
        return other is not None and other._raw is self._raw

    def send(self, data: bytes) -> None:
        """Send one datagram; a dead path is nobody's exception."""
        if is_closing(self._transport):
            return
        try:
            self._send(data, self.destination)
        except (OSError, RuntimeError, AttributeError) as error:
            log.debug("a datagram could not be sent: %r", error)


class Leg(aioice.Connection):
    """One ICE generation."""

    def __init__(self, controlling: bool, on_packet: PacketSink, on_change: Callable[[Leg], None], relay_only: bool):
        policy = aioice.TransportPolicy.RELAY if relay_only else aioice.TransportPolicy.ALL
        super().__init__(ice_controlling=controlling, transport_policy=policy)
        self._local_candidates_start = self._local_candidates_end = True  # we gather ourselves, and go on doing so
        self.on_packet = on_packet
        self.on_verified: Callable[[Socket, Address], None] = lambda socket, address: None
        self._on_change = on_change
        self.heard_at: float | None = None  # last authenticated packet of any kind
        self.answered_at: float | None = None  # last answer to one of our checks
        self.media_at: float | None = None  # last authenticated media packet
        self.checking_since: float | None = None
        self.rtt_ms: float | None = None
        self.ended = False

    # gathering

    def add_socket(self, socket: StunProtocol) -> None:
        """Use one more socket; checks that are under way take it in."""
        self._protocols.append(socket)
        self._local_candidates.append(socket.local_candidate)
        if self._early_checks_done:
            for candidate in list(self._remote_candidates):
                self._pair_remote_candidate(candidate)
            self.sort_check_list()

    def add_candidate(self, candidate: aioice.Candidate) -> None:
        """Note another address of a socket that is in use already."""
        self._local_candidates.append(candidate)

    @property
    def sockets(self) -> set[StunProtocol]:
        """All sockets, TURN allocations too."""
        return set(self._protocols)

    @property
    def host_sockets(self) -> list[StunProtocol]:
        """The sockets that are no TURN allocations."""
        return [socket for socket in self._protocols if socket.local_candidate.type == "host"]

    # pairs

    @property
    def nominated(self) -> Pair | None:
        """The pair that both sides agreed on."""
        raw = self._nominated.get(COMPONENT)
        return Pair(raw) if raw is not None else None

    @property
    def valid_pairs(self) -> list[Pair]:
        """Pairs whose check was answered, the best first."""
        return [Pair(raw) for raw in self._check_list if raw.state == CandidatePair.State.SUCCEEDED]

    def adopt(self, pair: Pair) -> None:
        """Use a valid pair although it was not nominated (yet)."""
        self._nominated[COMPONENT] = pair._raw
        self._on_change(self)

    def probe(self, socket: Socket, address: Address) -> None:
        """Check the path to where authenticated media came from, as if the far end had sent a check from there."""
        if not self._early_checks_done or self._is_crowded(address):
            return
        priority = candidate_priority(COMPONENT, "prflx")
        message = aioice.stun.Message(aioice.stun.Method.BINDING, aioice.stun.Class.REQUEST)
        message.attributes["PRIORITY"] = priority
        super().check_incoming(message, address, socket)

    def _is_crowded(self, address: Address) -> bool:
        """Whether the far end has named, or used, so many addresses that no other one is learnt."""
        known = {candidate._network_host for candidate in self._remote_candidates if candidate.port == address[1]}
        return address[0] not in known and len(self._remote_candidates) >= MOST_REMOTE_ADDRESSES

    def retry_checks(self) -> None:
        """Try again what failed, or was cancelled when another pair won, as long as there is something to gain."""
        for raw in self._check_list:
            idle = raw.task is None or raw.task.done()
            if raw.state in (CandidatePair.State.FAILED, CandidatePair.State.IN_PROGRESS) and idle:
                raw.task = None
                raw.state = CandidatePair.State.WAITING

    def check_from(self, sockets: Collection[StunProtocol]) -> None:
        """Begin the checks from sockets that were opened after the first round was over."""
        for raw in list(self._check_list):
            if raw.protocol in sockets and raw.state in (CandidatePair.State.FROZEN, CandidatePair.State.WAITING):
                self.check_start_task(raw)

    async def ask_consent(self, pair: Pair, retransmissions: int) -> bool:
        """Whether the far end still answers on this pair (RFC 7675)."""
        assert self.remote_password is not None
        request = self.build_request(pair._raw, nominate=True)
        key = self.remote_password.encode()
        try:
            await pair.socket.request(request, pair.destination, integrity_key=key, retransmissions=retransmissions)
        except (aioice.stun.TransactionError, OSError, RuntimeError):
            return False
        return True

    # what aioice calls

    def request_received(self, message: aioice.stun.Message, addr: Address, protocol: StunProtocol) -> None:
        """Somebody's request arrived; if it is authenticated, the far end sent it and its address is verified.

        Also before the far end's description is here: aioice answers such a check, so media may follow at once.
        """
        super().request_received(message, addr, protocol)
        if not self.ended and message.check_message_integrity(self.local_password.encode()):
            assert isinstance(protocol, Socket)
            protocol.verify(addr)

    def check_incoming(self, message: aioice.stun.Message, addr: Address, protocol: StunProtocol) -> None:
        """An authenticated check arrived."""
        self.heard_at = asyncio.get_running_loop().time()
        if "PRIORITY" in message.attributes and not self._is_crowded(addr):
            super().check_incoming(message, addr, protocol)

    def check_complete(self, pair: CandidatePair) -> None:
        """One of our checks ended."""
        now, heard_at = asyncio.get_running_loop().time(), self.heard_at
        if pair.state == CandidatePair.State.SUCCEEDED:
            self.heard_at = self.answered_at = now
            assert isinstance(pair.protocol, Socket)
            pair.protocol.verify(pair.remote_addr)
        before = self._nominated.get(COMPONENT)
        super().check_complete(pair)
        if before is not None and heard_at is not None and now - heard_at < STILL_GOOD_S and is_relay(pair, before):
            self._nominated[COMPONENT] = before  # a late relay must not take the place of a direct path that works
        self._on_change(self)

    def data_received(self, data: bytes, component: int) -> None:
        """What looked like STUN but is not: dropped."""

    def protocol_lost(self, protocol: StunProtocol) -> None:
        """A socket was closed: the facade above decides what that means."""

    async def query_consent(self) -> None:
        """aioice's own consent would close the leg after 28 s; ours lives in the facade."""

    # end

    async def close(self) -> None:
        """Close every socket; a TURN allocation is given back."""
        self.ended = True
        await super().close()

    def sever(self) -> None:
        """Close every socket and tell nobody."""
        for socket in self._protocols:
            if isinstance(socket, Socket):
                socket.abort()

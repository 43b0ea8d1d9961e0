"""Every private name of aioice that this program uses, behind public names of our own.

aioice is pinned to a minor version; `PRIVATE_NAMES` is what a test looks up, so that an upgrade which moves one of
them fails there and not in a call.

A `Generation` is an `aioice.Connection` which neither closes itself nor gathers anything by itself, and which can be
made to use another pair.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import Any

from agent.closing import AsyncClosing
from agent.media.ice.check_order import is_detour, put_likely_first
from agent.media.ice.library import CandidatePair, StunProtocol, aioice, candidate_priority
from agent.media.ice.pair import OWN_ADDRESS, Pair, is_relayed
from agent.media.ice.sockets import MOST_REMOTE_ADDRESSES, IpPort, Socket, SocketReader

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
    aioice.turn.TurnTransport: ("_connect",),
}

logging.getLogger("aioice").setLevel(logging.WARNING)  # it tells of every connectivity check at INFO
aioice.stun.RETRY_RTO = 0.1  # the default 0.5 s makes one lost check cost half a second of a restart

COMPONENT = 1
STILL_GOOD_S = 0.5  # a path on which something was heard this recently works

PacketSink = Callable[[bytes, "Generation", Socket, IpPort], None]


class Allocation(aioice.turn.TurnTransport):
    """A relayed address on a TURN server (RFC 8656 section 3), which knows from where this machine reaches it."""

    def __init__(self, client: aioice.turn.TurnClientProtocol) -> None:
        super().__init__(client)
        self._client = client

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what aioice tells, and as OWN_ADDRESS the address and port of this machine."""
        if name == OWN_ADDRESS:
            return self._client.transport.get_extra_info("sockname")
        return super().get_extra_info(name, default)


async def allocate(client: aioice.turn.TurnClientProtocol, protocol: asyncio.DatagramProtocol) -> Allocation:
    """Ask the TURN server that `client` has reached for an allocation; closes `client` when it gives none."""
    relay = Allocation(client)
    try:
        await relay._connect(protocol)
    except BaseException:  # also when nobody waits for the answer any more
        client.transport.close()
        raise
    return relay


class Generation(aioice.Connection, AsyncClosing):
    """One ICE generation."""

    def __init__(
        self,
        controlling: bool,
        on_packet: PacketSink,
        on_change: Callable[[Generation], None],
        relay_only: bool,
        username: str | None = None,
        password: str | None = None,
    ) -> None:
        """Without `username` and `password` it draws its own."""
        policy = aioice.TransportPolicy.RELAY if relay_only else aioice.TransportPolicy.ALL
        super().__init__(
            ice_controlling=controlling, transport_policy=policy, local_username=username, local_password=password
        )
        self._local_candidates_start = self._local_candidates_end = True  # we gather ourselves, and go on doing so
        self.on_packet = on_packet
        self.on_verified: Callable[[Socket, IpPort], None] = lambda socket, address: None
        self.reader: SocketReader | None = None  # reads its sockets in the place of Python
        self._on_change = on_change
        self.number = 0  # later ones have greater numbers
        self.likely_address: str | None = None  # of this machine; known to lead out
        self.heard_at: float | None = None  # last authenticated packet of any kind
        self.answered_at: float | None = None  # last answer to one of our checks
        self.media_at: float | None = None  # last authenticated media packet
        self.checking_since: float | None = None
        self.rtt_ms: float | None = None
        self.ended = False
        self._early_checkers: dict[tuple[Socket, IpPort], str] = {}  # under which names they asked, before theirs came

    def meet(self, username: str, password: str) -> None:
        """Learn who the far end is; whoever has asked before under another name does not count any more.

        Those are other forks of the call, to whom our offer went, too.
        """
        self.remote_username, self.remote_password = username, password
        early, self._early_checkers = self._early_checkers, {}
        for (socket, address), name in early.items():
            if not self._may_be_far_end(name):
                socket.doubt(address)

    def _may_be_far_end(self, username: object) -> bool:
        """Tell whether a check under this name may be the far end's, as far as that is known (RFC 8445 section 7.3)."""
        ours, _, theirs = str(username).partition(":")
        return ours == self.local_username and self.remote_username in (None, theirs)

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

    def take_sockets(self, other: Generation) -> None:
        """Take over all sockets and candidates of another one, which can neither send nor receive from then on."""
        for socket in other._protocols:
            assert isinstance(socket, Socket)
            socket.belong_to(self)
        self._protocols, self._local_candidates = list(other._protocols), list(other._local_candidates)
        other._protocols.clear()

    @property
    def sockets(self) -> set[StunProtocol]:
        """All sockets, TURN allocations too."""
        return set(self._protocols)

    @property
    def host_sockets(self) -> list[StunProtocol]:
        """The sockets that are not TURN allocations."""
        return [socket for socket in self._protocols if socket.local_candidate.type == "host"]

    # pairs

    def sort_check_list(self) -> None:
        """Order the checks by priority, those first that the routing table would take."""
        super().sort_check_list()
        put_likely_first(self._check_list, self.likely_address)

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
        self._nominated[COMPONENT] = pair.raw
        self._on_change(self)

    def probe(self, socket: Socket, address: IpPort) -> None:
        """Check the path to where authenticated media came from, as if the far end had sent a check from there."""
        if not self._early_checks_done or self._is_crowded(address):
            return
        priority = candidate_priority(COMPONENT, "prflx")
        message = aioice.stun.Message(aioice.stun.Method.BINDING, aioice.stun.Class.REQUEST)
        message.attributes["PRIORITY"] = priority
        super().check_incoming(message, address, socket)

    def _is_crowded(self, address: IpPort) -> bool:
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
        """Ask whether the far end still answers on this pair (RFC 7675)."""
        assert self.remote_password is not None
        request = self.build_request(pair.raw, nominate=True)
        key = self.remote_password.encode()
        try:
            await pair.socket.request(request, pair.destination, integrity_key=key, retransmissions=retransmissions)
        except (aioice.stun.TransactionError, OSError, RuntimeError):
            return False
        return True

    # what its sockets and aioice call

    def packet_received(self, data: bytes, source: Socket, address: IpPort) -> None:
        """Pass on a datagram that is not STUN, from anybody."""
        self.on_packet(data, self, source, address)

    def request_received(self, message: aioice.stun.Message, addr: IpPort, protocol: StunProtocol) -> None:
        """Take in somebody's request; if it is authenticated, the far end sent it and its address is verified.

        Also before the far end's description is here: aioice answers such a check, so media may follow at once.
        """
        super().request_received(message, addr, protocol)
        if self.ended or not message.check_message_integrity(self.local_password.encode()):
            return
        name = message.attributes.get("USERNAME", "")
        if not self._may_be_far_end(name):
            return
        assert isinstance(protocol, Socket)
        protocol.verify(addr)
        if self.remote_username is None and protocol.is_verified(addr):
            self._early_checkers[protocol, addr] = name

    def note_media(self, arrived_at: float) -> None:
        """Count authenticated media as heard when it arrived; what is known of later stays."""
        self.heard_at = max(self.heard_at or 0.0, arrived_at)
        self.media_at = max(self.media_at or 0.0, arrived_at)

    def check_incoming(self, message: aioice.stun.Message, addr: IpPort, protocol: StunProtocol) -> None:
        """Note that an authenticated check arrived, and answer it."""
        if not self._may_be_far_end(message.attributes.get("USERNAME", "")):
            return  # it came before we knew who that is
        self.heard_at = asyncio.get_running_loop().time()
        if "PRIORITY" in message.attributes and not self._is_crowded(addr):
            super().check_incoming(message, addr, protocol)

    def check_complete(self, pair: CandidatePair) -> None:
        """Note the outcome of one of our checks."""
        now, heard_at = asyncio.get_running_loop().time(), self.heard_at
        if pair.state == CandidatePair.State.SUCCEEDED:
            self.heard_at = self.answered_at = now
            assert isinstance(pair.protocol, Socket)
            pair.protocol.verify(pair.remote_addr)
        before = self._nominated.get(COMPONENT)
        super().check_complete(pair)
        works = heard_at is not None and now - heard_at < STILL_GOOD_S
        if before is not None and works and self._is_worse(pair, before):
            self._nominated[COMPONENT] = before  # aioice takes whichever is answered last
        self._on_change(self)

    def _is_worse(self, pair: CandidatePair, before: CandidatePair) -> bool:
        """Tell whether a pair must not take the place of one that works, only because its answer came later.

        That is a relay beside a direct path and, where we choose, one that leaves from where the kernel would not send.
        """
        return is_relayed(pair, before) or (self.ice_controlling and is_detour(pair, before))

    def data_received(self, data: bytes, component: int) -> None:
        """Drop what looked like STUN but is not."""

    def protocol_lost(self, protocol: StunProtocol) -> None:
        """Leave it to the facade above what a closed socket means."""

    async def query_consent(self) -> None:
        """Ask for nothing: aioice's own consent would close the generation after 28 s; ours lives in the facade."""

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

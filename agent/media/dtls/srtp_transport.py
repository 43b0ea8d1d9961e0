"""DTLS and SRTP over the ICE transport: the one place where packets are verified and encrypted (RFC 5763, RFC 3711).

Packets count only from addresses that have passed an ICE check. Those of others wait for one: SRTP that is authentic
makes us check its source, which is how a call follows the far end to a new address; DTLS proves nothing and just waits.
Before the far end's certificate was checked against the description's fingerprint there are no keys, so nothing from an
unverified sender can be heard. SRTP packets are decrypted as they arrive, without a queue or a task between.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from pylibsrtp import Session

from agent.closing import Closing
from agent.media.dtls.aiortc_adapter import SrtpError, local_fingerprint, new_certificate, srtp_calls
from agent.media.dtls.early_packets import EarlyPackets
from agent.media.dtls.handshake import Handshake
from agent.media.ice.aioice_adapter import Generation
from agent.media.ice.pair import Pair
from agent.media.ice.sockets import IpPort, Socket
from agent.media.ice.transport import IceTransport
from agent.media.native.core import NOTHING, OTHER, REJECTED, RTP, Core, core_for
from agent.media.rtp.packet import MAX_PACKET_BYTES, RtpPacket, is_rtcp
from agent.media.strangers import strangers

log = logging.getLogger(__name__)

FIRST_DTLS_BYTE, LAST_DTLS_BYTE = 20, 63
FIRST_SRTP_BYTE, LAST_SRTP_BYTE = 128, 191
MOST_WAITING = 16  # handshake packets, while the descriptions are not exchanged


PlainSink = Callable[[bytes, float], None]  # takes a verified and decrypted packet, and when it came (loop time)
AnySink = Callable[[Any, float], None]
ReadSink = Callable[[RtpPacket, float], None]  # takes one that was taken apart, too


class SecureTransport(Closing):
    """One DTLS association and its SRTP sessions; asyncio only.

    `on_state` hears each new state: connecting, connected, closed or failed; `on_rtp` and `on_rtcp` get the packets,
    `on_packet` those that the native core read.
    """

    def __init__(self, path: IceTransport, on_state: Callable[[str], None]) -> None:
        self.on_rtp: PlainSink = _ignore
        self.on_packet: ReadSink = _ignore
        self.on_rtcp: PlainSink = _ignore
        self._path = path
        path.on_packet = self.receive
        path.on_verified = self._verified
        self._on_state = on_state
        self._loop = asyncio.get_running_loop()
        self._certificate = new_certificate()
        self.fingerprint = local_fingerprint(self._certificate)
        self._handshake: Handshake | None = None
        self._waiting: deque[tuple[bytes, str]] = deque(maxlen=MOST_WAITING)
        self._early = EarlyPackets[tuple[Socket, IpPort]]()
        self._inbound: Session | None = None
        self._outbound: Session | None = None
        self._core: Core | None = None
        self._aim: Pair | None = None  # where the core sends to
        self.state = "new"
        self.rejected = 0  # packets that failed the check of their authentication or were replayed

    def start(self, client: bool, fingerprints: Sequence[tuple[str, str]]) -> None:
        """Begin the handshake; only the first call counts."""
        if self._handshake is None and self.state == "new":
            self._handshake = Handshake(self._path, self._certificate, client, fingerprints, self._changed)
            self._set_state("connecting")
            self._handshake.begin()
            for data, host in self._waiting:
                self._handshake.receive(data, host)
            self._waiting.clear()

    def may_be(self, fingerprints: Sequence[tuple[str, str]]) -> bool:
        """Tell whether the far end's certificate has these fingerprints; True while it is not known."""
        dtls = self._handshake.dtls if self._handshake is not None else None
        return self.state != "connected" or dtls is None or dtls.is_of(fingerprints)

    def _changed(self, state: str) -> None:
        dtls = self._handshake.dtls if self._handshake is not None else None
        if state == "connected" and dtls is not None:
            self._use(dtls.inbound, dtls.outbound)
        else:
            self._use(None, None)
        self._set_state(state)

    def _use(self, inbound: Session | None, outbound: Session | None) -> None:
        """Take these keys, or none; the native core works with the same contexts, and new ones get a new core."""
        self._inbound, self._outbound, self._aim = inbound, outbound, None
        calls = srtp_calls(inbound, outbound) if inbound is not None and outbound is not None else None
        self._core = core_for(calls) if calls is not None else None
        self._path.read_by(self._read if self._core is not None else None)

    def _set_state(self, state: str) -> None:
        if state != self.state:
            self.state = state
            self._on_state(state)

    # what arrives

    def receive(self, data: bytes, _generation: Generation, source: Socket, address: IpPort) -> None:
        """Take in one datagram that is not STUN, from anybody."""
        if FIRST_SRTP_BYTE <= data[0] <= LAST_SRTP_BYTE:
            if self._inbound is not None and len(data) <= MAX_PACKET_BYTES:
                self._receive_srtp(self._inbound, data, source, address)
        elif FIRST_DTLS_BYTE <= data[0] <= LAST_DTLS_BYTE:
            if source.is_verified(address):
                self._receive_dtls(data, address[0])
            else:
                deliver = partial(self._receive_dtls, data, address[0])
                self._early.keep((source, address), deliver, self._loop.time())
        else:
            strangers.note("packets of no known kind", address[0])

    def _read(self, source: Socket, fd: int, most: int) -> int:
        """Take in up to `most` datagrams of a socket by way of the core; returns how many came."""
        for taken in range(most):
            core = self._core  # what came before may have ended it
            if core is None:
                return taken
            found = core.receive(fd)
            if found == NOTHING:
                return taken
            if found == OTHER:
                source.datagram_received(core.datagram, core.address)
            elif found == REJECTED:
                self._reject(source, core.address)
            elif found == RTP:
                self._take(source, core.address, self.on_packet, core.packet, core.arrival_s)
            else:
                self._take(source, core.address, _ignore, None, core.arrival_s)
        return most

    def collect(self) -> None:
        """Take in what waits at the path's socket, which wakes up nobody from then on; without a core it still does."""
        if self._core is not None:
            self._path.collect()

    def _take(self, source: Socket, address: IpPort, sink: AnySink, packet: object, at: float) -> None:
        """Let `sink` have an authentic packet, once its source has passed a check."""
        if source.is_verified(address):
            self._deliver(source, address, sink, packet, at)
        else:
            self._early.keep((source, address), partial(self._deliver, source, address, sink, packet), at)
            source.receiver.probe(source, address)

    def _deliver(
        self, source: Socket, address: IpPort, sink: AnySink, packet: object, at: float | None = None
    ) -> None:
        """Let it count, as of `at`, or of now if it waited for a check."""
        now = self._loop.time() if at is None else at
        generation = source.receiver
        assert isinstance(generation, Generation)
        self._path.authentic(generation, source, address, now)
        sink(packet, now)

    def _receive_srtp(self, session: Session, data: bytes, source: Socket, address: IpPort) -> None:
        rtcp = is_rtcp(data)
        try:
            plain = session.unprotect_rtcp(data) if rtcp else session.unprotect(data)
        except (SrtpError, TypeError):
            self._reject(source, address)
        else:
            self._take(source, address, self.on_rtcp if rtcp else self.on_rtp, plain, self._loop.time())

    def _reject(self, source: Socket, address: IpPort) -> None:
        self.rejected += 1
        if not source.is_verified(address):  # from elsewhere it is a packet that the network doubled or damaged
            strangers.note("media packets of unknown origin", address[0])

    def _receive_dtls(self, data: bytes, host: str) -> None:
        if self._handshake is None:
            self._waiting.append((data, host))
        else:
            self._handshake.receive(data, host)

    def _verified(self, source: Socket, address: IpPort) -> None:
        self._loop.call_soon(self._early.release, (source, address))

    def tick(self) -> None:
        """Give up what waited in vain; call it every 100 ms or so."""
        for _, (host, _port) in self._early.give_up(self._loop.time()):
            strangers.note("packets from addresses that passed no check", host)

    @property
    def core(self) -> Core | None:
        """What encodes, encrypts and sends at once; None without a path from a socket of ours, or without a core."""
        core, pair = self._core, self._path.pair
        if core is None or pair is None or (fd := pair.fileno()) < 0:
            return None
        if pair is not self._aim and core.aim(fd, *pair.destination):
            self._aim = pair
        return core if pair is self._aim else None

    def send_rtp(self, data: bytes) -> bool:
        """Encrypt and send one RTP packet; False when there is no verified far end or no path."""
        session = self._outbound
        return session is not None and self._path.send(session.protect(data))

    def send_rtcp(self, data: bytes) -> bool:
        """Encrypt and send one RTCP packet; False as above."""
        session = self._outbound
        return session is not None and self._path.send(session.protect_rtcp(data))

    def close(self) -> None:
        """Tell the far end and forget the keys; idempotent."""
        self._use(None, None)
        if self._handshake is not None:
            self._handshake.close()
        self._set_state("closed")


def _ignore(_packet: object, _now: float) -> None:
    """Nobody listens yet."""

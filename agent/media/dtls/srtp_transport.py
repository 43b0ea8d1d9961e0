"""DTLS and SRTP over the ICE transport: the one place where packets are verified and encrypted (RFC 5763, RFC 3711).

Packets count only from addresses that have passed an ICE check. Those of others wait for one: SRTP that is authentic
makes us check its source, which is how a call follows the far end to a new address; DTLS proves nothing and just waits.
Before the far end's certificate was checked against the description's fingerprint there are no keys, so nothing from an
unverified sender can be heard. SRTP packets are decrypted as they arrive, without a queue or a task between.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from agent.closing import Closing
from agent.media.dtls.aiortc_adapter import local_fingerprint, new_certificate, srtp_calls
from agent.media.dtls.associations import Associations
from agent.media.dtls.early_packets import EarlyPackets
from agent.media.ice.aioice_adapter import Generation
from agent.media.ice.collector import Collector
from agent.media.ice.pair import Pair
from agent.media.ice.sockets import IpPort, Socket
from agent.media.ice.transport import IceTransport
from agent.media.native.core import NOTHING, OTHER, REJECTED, RTP, Core, core_for
from agent.media.rtp.packet import MAX_PACKET_BYTES, RtpPacket, is_rtcp
from agent.media.strangers import strangers

log = logging.getLogger(__name__)

FIRST_DTLS_BYTE, LAST_DTLS_BYTE = 20, 63
FIRST_SRTP_BYTE, LAST_SRTP_BYTE = 128, 191
PlainSink = Callable[[bytes, float], None]  # takes a verified and decrypted packet, and when it came (loop time)
AnySink = Callable[[Any, float], None]
ReadSink = Callable[[RtpPacket, float], None]  # takes one that was taken apart, too


class SecureTransport(Closing):
    """The DTLS associations of a call and their SRTP sessions; asyncio only.

    `on_state` hears each new state: connecting, connected, closed or failed; `on_rtp` and `on_rtcp` get the packets,
    `on_packet` those that the native core read. `on_moved` is called before the first packet of another association
    than the one before.
    """

    def __init__(self, path: IceTransport, on_state: Callable[[str], None]) -> None:
        self.on_rtp: PlainSink = _ignore
        self.on_packet: ReadSink = _ignore
        self.on_rtcp: PlainSink = _ignore
        self.on_moved: Callable[[], None] = _ignore
        self._path = path
        path.on_packet = self.receive
        path.on_verified = self._verified
        path.reader = self._read
        self._loop = asyncio.get_running_loop()
        self._certificate = new_certificate()
        self.fingerprint = local_fingerprint(self._certificate)
        self._associations = Associations(path, self._certificate, on_state, lambda: self.on_moved())
        self._early = EarlyPackets[tuple[Socket, IpPort]]()
        self._collector = Collector()
        self._core: Core | None = None
        self._core_keys: object = None  # those that it works with
        self._aim: Pair | None = None  # where it sends to
        self.rejected = 0  # packets that failed the check of their authentication or were replayed

    def start(self, client: bool, fingerprints: Sequence[tuple[str, str]], may_hear: bool = True) -> None:
        """Begin the handshake that the descriptions ask for, if they ask for one; call it when a path was found."""
        generation = self._path.current
        if generation is not None:
            self._associations.begin(client, fingerprints, generation, may_hear)

    @property
    def state(self) -> str:
        """new, connecting, connected, closed or failed."""
        return self._associations.state

    @property
    def may_send(self) -> bool:
        """Whether there are keys to encrypt with."""
        return self._associations.outbound is not None

    @property
    def path_state(self) -> str:
        """That of the ICE transport below."""
        return self._path.state

    def may_be(self, fingerprints: Sequence[tuple[str, str]]) -> bool:
        """Tell whether the far end's certificate has these fingerprints; True while it is not known."""
        return self._associations.is_of(fingerprints)

    # what arrives

    def receive(self, data: bytes, generation: Generation, source: Socket, address: IpPort) -> None:
        """Take in one datagram that is not STUN, from anybody."""
        if FIRST_SRTP_BYTE <= data[0] <= LAST_SRTP_BYTE:
            if self.may_send and len(data) <= MAX_PACKET_BYTES:
                self._receive_srtp(data, source, address)
        elif FIRST_DTLS_BYTE <= data[0] <= LAST_DTLS_BYTE:
            counts = partial(source.is_verified, address)
            deliver = partial(self._associations.receive, data, address[0], generation, counts)
            if counts():
                deliver()
            else:
                self._early.keep((source, address), deliver, self._loop.time())
        else:
            strangers.note("packets of no known kind", address[0])

    def _native(self) -> Core | None:
        """The core for the keys in use: it works with the same contexts as Python, and other keys get another core."""
        keys = self._associations.keys
        if keys is not self._core_keys:
            calls = srtp_calls(*keys) if keys is not None else None
            self._core = core_for(calls) if calls is not None else None
            self._core_keys, self._aim = keys, None
        return self._core

    def _read(self, source: Socket, fd: int, most: int) -> int | None:
        """Take in up to `most` datagrams of a socket by way of the core; how many came, None where Python has to."""
        core = self._native()
        for taken in range(most):
            if core is None:
                return taken or None
            found = core.receive(fd)
            if found == NOTHING:
                return taken
            address, at = core.address, core.arrival_s
            if found == RTP and address in source.verified:  # as `_take` does, and by far the most frequent
                self._path.authentic(source.receiver, source, address, at)
                self.on_packet(core.packet, at)
            elif found == OTHER:
                source.datagram_received(core.datagram, address)
                core = self._native()  # that may have ended the association, or begun another
            elif found == REJECTED:
                self._reject(source, address)
            else:
                sink, packet = (self.on_packet, core.packet) if found == RTP else (_ignore, None)
                self._take(source, address, sink, packet, at)
        return most

    def collect(self, may_wait: bool) -> None:
        """Take in what waits at the path's socket, which wakes up nobody from then on if what comes `may_wait`.

        Without a core it always does.
        """
        if self._core is not None:
            pair, now = self._path.pair, self._loop.time()
            self._collector.collect(pair.datagrams if pair is not None else None, now, may_wait)

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
        self._path.authentic(source.receiver, source, address, now)
        sink(packet, now)

    def _receive_srtp(self, data: bytes, source: Socket, address: IpPort) -> None:
        rtcp = is_rtcp(data)
        plain = self._associations.decrypt(data, rtcp)
        if plain is None:
            self._reject(source, address)
        else:
            self._take(source, address, self.on_rtcp if rtcp else self.on_rtp, plain, self._loop.time())

    def _reject(self, source: Socket, address: IpPort) -> None:
        self.rejected += 1
        if not source.is_verified(address):  # from elsewhere it is a packet that the network doubled or damaged
            strangers.note("media packets of unknown origin", address[0])

    def _verified(self, source: Socket, address: IpPort) -> None:
        self._loop.call_soon(self._early.release, (source, address))

    def tick(self) -> None:
        """Give up what waited in vain; call it every 100 ms or so."""
        now = self._loop.time()
        self._associations.tick(now)
        self._collector.look(now)
        for _, (host, _port) in self._early.give_up(now):
            strangers.note("packets from addresses that passed no check", host)

    @property
    def core(self) -> Core | None:
        """What encodes, encrypts and sends at once; None without a path from a socket of ours, or without a core."""
        core, pair = self._core if self._associations.keys is self._core_keys else self._native(), self._path.pair
        if core is None or pair is None or (datagrams := pair.datagrams) is None or datagrams.closing:
            return None
        if pair is not self._aim and core.aim(datagrams.fileno(), *pair.destination):
            self._aim = pair
        return core if pair is self._aim else None

    def send_rtp(self, data: bytes) -> bool:
        """Encrypt and send one RTP packet; False when there is no verified far end or no path."""
        session = self._associations.outbound
        return session is not None and self._associations.send(session.protect(data))

    def send_rtcp(self, data: bytes) -> bool:
        """Encrypt and send one RTCP packet; False as above."""
        session = self._associations.outbound
        return session is not None and self._associations.send(session.protect_rtcp(data))

    def close(self) -> None:
        """Tell the far end and forget the keys; idempotent."""
        self._collector.rest()
        self._associations.close()


def _ignore(*_packet: object) -> None:
    """Nobody listens yet."""

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

from agent.closing import Closing
from agent.media.dtls.aiortc_adapter import local_fingerprint, new_certificate
from agent.media.dtls.associations import Associations
from agent.media.dtls.early_packets import EarlyPackets
from agent.media.ice.aioice_adapter import Generation
from agent.media.ice.sockets import IpPort, Socket
from agent.media.ice.transport import IceTransport
from agent.media.rtp.packet import MAX_PACKET_BYTES, is_rtcp
from agent.media.strangers import strangers

log = logging.getLogger(__name__)

FIRST_DTLS_BYTE, LAST_DTLS_BYTE = 20, 63
FIRST_SRTP_BYTE, LAST_SRTP_BYTE = 128, 191
PlainSink = Callable[[bytes, float], None]  # takes a verified and decrypted packet, and when it came (loop time)


class SecureTransport(Closing):
    """The DTLS associations of a call and their SRTP sessions; asyncio only.

    `on_state` hears each new state: connecting, connected, closed or failed; `on_rtp` and `on_rtcp` get the packets.
    `on_moved` is called before the first packet of another association than the one before.
    """

    def __init__(self, path: IceTransport, on_state: Callable[[str], None]) -> None:
        self.on_rtp: PlainSink = _ignore
        self.on_rtcp: PlainSink = _ignore
        self.on_moved: Callable[[], None] = _ignore
        self._path = path
        path.on_packet = self.receive
        path.on_verified = self._verified
        self._loop = asyncio.get_running_loop()
        self._certificate = new_certificate()
        self.fingerprint = local_fingerprint(self._certificate)
        self._associations = Associations(path, self._certificate, on_state, lambda: self.on_moved())
        self._early = EarlyPackets[tuple[Socket, IpPort]]()
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
                self._receive_srtp(data, generation, source, address)
        elif FIRST_DTLS_BYTE <= data[0] <= LAST_DTLS_BYTE:
            if source.is_verified(address):
                self._associations.receive(data, address[0], generation)
            else:
                deliver = partial(self._associations.receive, data, address[0], generation)
                self._early.keep((source, address), deliver, self._loop.time())
        else:
            strangers.note("packets of no known kind", address[0])

    def _receive_srtp(self, data: bytes, generation: Generation, source: Socket, address: IpPort) -> None:
        rtcp = is_rtcp(data)
        plain = self._associations.decrypt(data, rtcp)
        if plain is None:
            self.rejected += 1
            if not source.is_verified(address):  # from elsewhere it is a packet that the network doubled or damaged
                strangers.note("media packets of unknown origin", address[0])
            return
        if source.is_verified(address):
            self._deliver(rtcp, plain, generation, source, address)
        else:
            deliver = partial(self._deliver, rtcp, plain, generation, source, address)
            self._early.keep((source, address), deliver, self._loop.time())
            generation.probe(source, address)

    def _deliver(self, rtcp: bool, plain: bytes, generation: Generation, source: Socket, address: IpPort) -> None:
        now = self._loop.time()
        self._path.authentic(generation, source, address, now)
        (self.on_rtcp if rtcp else self.on_rtp)(plain, now)

    def _verified(self, source: Socket, address: IpPort) -> None:
        self._loop.call_soon(self._early.release, (source, address))

    def tick(self) -> None:
        """Give up what waited in vain; call it every 100 ms or so."""
        now = self._loop.time()
        self._associations.tick(now)
        for _, (host, _port) in self._early.give_up(now):
            strangers.note("packets from addresses that passed no check", host)

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
        self._associations.close()


def _ignore(*_packet: object) -> None:
    """Nobody listens yet."""

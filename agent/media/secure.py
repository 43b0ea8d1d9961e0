"""DTLS and SRTP over the ICE transport: the one place where packets are verified and encrypted (RFC 5763, RFC 3711).

aiortc runs the DTLS handshake and derives the keys. SRTP packets do not take its queue: they are decrypted as they
arrive, which saves a task switch a packet. Before the far end's certificate was checked against the description's
fingerprint there are no keys, so nothing from an unverified sender can be heard.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from pylibsrtp import Session

from agent.closing import AsyncClosing
from agent.media.ice import IceTransport
from agent.media.private import Address, Dtls, Leg, Socket, SrtpError, local_fingerprint, new_certificate
from agent.media.rtp import MAX_PACKET_BYTES, is_rtcp

log = logging.getLogger(__name__)

FIRST_DTLS_BYTE, LAST_DTLS_BYTE = 20, 63
FIRST_SRTP_BYTE, LAST_SRTP_BYTE = 128, 191


MOST_WAITING = 64  # handshake packets


class DtlsPath:
    """What aiortc's DTLS wants of the transport below it."""

    def __init__(self, path: IceTransport) -> None:
        self._path = path
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(MOST_WAITING)

    @property
    def role(self) -> str:
        """Of ICE; unused here, because the descriptions settle who begins."""
        return self._path.role

    async def _recv(self) -> bytes:
        return await self._waiting.get()

    async def _send(self, data: bytes) -> None:
        self._path.send(data)

    def received(self, data: bytes) -> None:
        """Queue a packet for DTLS; a flood is dropped."""
        if not self._waiting.full():
            self._waiting.put_nowait(data)


class SecureListener:
    """What the transport reports, in the asyncio loop."""

    def on_dtls_state(self, state: str) -> None:
        """Take the new state: connecting, connected, closed or failed."""

    def on_rtp_packet(self, data: bytes, now: float) -> None:
        """Take a verified and decrypted RTP packet."""

    def on_rtcp_packet(self, data: bytes, now: float) -> None:
        """Take a verified and decrypted RTCP packet."""


class SecureTransport(AsyncClosing):
    """One DTLS association and its SRTP sessions; asyncio only."""

    def __init__(self, path: IceTransport, listener: SecureListener) -> None:
        self._path = path
        path.on_packet = self.receive
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        certificate = new_certificate()
        self.fingerprint = local_fingerprint(certificate)
        self._dtls_path = DtlsPath(path)
        self._dtls = Dtls(self._dtls_path, certificate)
        self._dtls.on("statechange", self._changed)
        self._handshake: asyncio.Task[None] | None = None
        self._inbound: Session | None = None
        self._outbound: Session | None = None
        self.state = "new"
        self.rejected = 0  # packets that failed the check of their authentication or were replayed

    def start(self, client: bool, fingerprints: Sequence[tuple[str, str]]) -> None:
        """Begin the handshake; only the first call counts."""
        if self._handshake is None:
            self._handshake = self._loop.create_task(self._run(client, fingerprints))

    async def _run(self, client: bool, fingerprints: Sequence[tuple[str, str]]) -> None:
        try:
            await self._dtls.handshake(client, fingerprints)
        except Exception as error:  # OpenSSL's time-outs and a hostile far end come as many types
            log.warning("the DTLS handshake failed: %r", error)
            self._set_state("failed")

    def _changed(self) -> None:
        state = self._dtls.state
        if state == "connected":
            self._inbound, self._outbound = self._dtls.inbound, self._dtls.outbound
        elif state in ("closed", "failed"):
            self._inbound = self._outbound = None
        if state == "failed":
            log.warning("the far end's identity could not be verified; there will be no audio")
        self._set_state(state)

    def _set_state(self, state: str) -> None:
        if state != self.state:
            self.state = state
            self._listener.on_dtls_state(state)

    def receive(self, data: bytes, leg: Leg, source: Socket, address: Address) -> None:
        """Take in one datagram that is not STUN, from anybody."""
        if FIRST_SRTP_BYTE <= data[0] <= LAST_SRTP_BYTE:
            session = self._inbound
            if session is not None and len(data) <= MAX_PACKET_BYTES:
                self._receive_srtp(session, data, leg, source, address)
        elif FIRST_DTLS_BYTE <= data[0] <= LAST_DTLS_BYTE:
            self._dtls_path.received(data)

    def _receive_srtp(self, session: Session, data: bytes, leg: Leg, source: Socket, address: Address) -> None:
        rtcp = is_rtcp(data)
        try:
            plain = session.unprotect_rtcp(data) if rtcp else session.unprotect(data)
        except (SrtpError, TypeError) as error:
            self.rejected += 1
            log.debug("a packet was rejected: %s", error)
            return
        now = self._loop.time()
        self._path.authentic(leg, source, address, now)
        if rtcp:
            self._listener.on_rtcp_packet(plain, now)
        else:
            self._listener.on_rtp_packet(plain, now)

    def send_rtp(self, data: bytes) -> bool:
        """Encrypt and send one RTP packet; False when there is no verified far end or no path."""
        session = self._outbound
        return session is not None and self._path.send(session.protect(data))

    def send_rtcp(self, data: bytes) -> bool:
        """Encrypt and send one RTCP packet; False as above."""
        session = self._outbound
        return session is not None and self._path.send(session.protect_rtcp(data))

    async def close(self) -> None:
        """Tell the far end and forget the keys."""
        self._inbound = self._outbound = None
        if self._handshake is not None and not self._handshake.done():
            self._handshake.cancel()
        await self._dtls.stop()
        self._set_state("closed")

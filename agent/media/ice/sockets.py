"""A UDP socket, or a TURN allocation, of one ICE generation: what anybody sends to it is sorted here.

aioice reads STUN; all the rest goes on at once, not through aioice's queue.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, Protocol

from agent.media.ice.library import StunProtocol, aioice
from agent.media.strangers import strangers

MOST_REMOTE_ADDRESSES = 64  # of a generation; a check that was overheard can be repeated from anywhere
MAX_DATAGRAM_BYTES = 2_048
HIGHEST_STUN_BYTE = 3  # the first byte tells STUN, DTLS and RTP apart (RFC 7983)

IpPort = tuple[str, int]
# Takes in up to so many datagrams of a descriptor; how many came, or None where Python has to.
SocketReader = Callable[["Socket", int, int], int | None]


class DatagramReceiver(Protocol):
    """The generation that a socket belongs to."""

    on_verified: Callable[[Socket, IpPort], None]
    reader: SocketReader | None

    def probe(self, socket: Socket, address: IpPort) -> None:
        """Check the path to where authentic media came from."""

    def packet_received(self, data: bytes, source: Socket, address: IpPort) -> None:
        """Take a datagram that is not STUN, from anybody."""


class Socket(StunProtocol):
    """A UDP socket, or a TURN allocation, of one generation."""

    receiver: DatagramReceiver  # type: ignore[assignment]

    def __init__(self, generation: DatagramReceiver) -> None:
        super().__init__(generation)  # type: ignore[arg-type]
        self._verified: set[IpPort] = set()

    def belong_to(self, generation: DatagramReceiver) -> None:
        """Work for another generation, whose far end has yet to prove where it is."""
        self.receiver = generation
        self._verified = set()

    def is_verified(self, address: IpPort) -> bool:
        """Tell whether the far end has proved, by a check, that it is there."""
        return address in self._verified

    def verify(self, address: IpPort) -> None:
        """Let what this address sends be looked at, because it passed a check."""
        if address not in self._verified and len(self._verified) < MOST_REMOTE_ADDRESSES:
            self._verified.add(address)
            self.receiver.on_verified(self, address)

    def doubt(self, address: IpPort) -> None:
        """Look no more at what this address sends: its check was another one's."""
        self._verified.discard(address)

    def connection_made(self, transport: Any) -> None:
        """Start on a transport; asyncio's own would make room for 256 KiB for each datagram, at ten times its price."""
        super().connection_made(transport)
        if hasattr(transport, "max_size"):
            transport.max_size = MAX_DATAGRAM_BYTES + 1

    def take(self, opened: socket.socket, most: int) -> int:
        """Take in up to `most` datagrams that wait at the socket below; returns how many did."""
        reader = self.receiver.reader
        if opened.fileno() < 0:
            return 0  # it is closed
        if reader is not None and (came := reader(self, opened.fileno(), most)) is not None:
            return came
        for taken in range(most):
            try:
                data, address = opened.recvfrom(MAX_DATAGRAM_BYTES + 1)
            except BlockingIOError:
                return taken
            except OSError as error:
                self.error_received(error)
                return taken
            self.datagram_received(data, address)
        return most

    def datagram_received(self, data: bytes | str, addr: tuple[Any, ...]) -> None:
        """Pass media on at once; let aioice read STUN, whatever it may contain."""
        assert isinstance(data, bytes)
        if not data or len(data) > MAX_DATAGRAM_BYTES:
            return
        if data[0] > HIGHEST_STUN_BYTE:
            self.receiver.packet_received(data, self, addr if len(addr) == 2 else (addr[0], addr[1]))
            return
        try:
            super().datagram_received(data, addr)
        except Exception:  # a hostile STUN message must not leave the socket's callback
            strangers.note("malformed STUN messages", str(addr[0]))

    def send_stun(self, message: aioice.stun.Message, addr: IpPort) -> None:
        """Send one STUN message; a socket that is closed, as by `abort`, sends nothing and its requests time out."""
        if not is_closing(self.transport):
            super().send_stun(message, addr)

    def abort(self) -> None:
        """Stop working without telling anyone."""
        abort = getattr(self.transport, "abort", self.transport.close)
        abort()


def is_closing(transport: Any) -> bool:
    """Tell whether a socket is closed; aioice's TURN transport does not tell, and counts as open."""
    return isinstance(transport, asyncio.BaseTransport) and transport.is_closing()

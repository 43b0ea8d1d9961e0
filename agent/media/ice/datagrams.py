"""A UDP socket in the loop: what asyncio's own datagram transport does, without its queue and at half its price.

What cannot be sent at once is lost, as on the way: later it would be of no use. The kernel notes when each datagram
came, for whoever reads it later.
"""

from __future__ import annotations

import asyncio
import socket
from functools import partial
from typing import Any, Protocol

from agent.closing import Closing

SO_TIMESTAMPNS = 35  # Linux; the socket module has no name for it


class DatagramReader(Protocol):
    """The protocol that such a transport has."""

    def connection_made(self, transport: Any) -> None:
        """Start on a transport."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that the transport is closed."""

    def error_received(self, exc: Exception) -> None:
        """Note that a datagram could not be sent."""

    def take(self, opened: socket.socket, most: int) -> int:
        """Take in up to `most` datagrams that wait; returns how many did."""


class DatagramTransport(Closing, asyncio.DatagramTransport):
    """One bound socket; asyncio only."""

    def __init__(self, protocol: DatagramReader, address: str) -> None:
        """Open a socket on that address of this machine. Raises OSError."""
        opened = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            opened.setblocking(False)
            opened.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            opened.bind((address, 0))
        except OSError:
            opened.close()
            raise
        super().__init__(extra={"socket": opened, "sockname": opened.getsockname()})
        self._socket = opened
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self.collect = partial(protocol.take, opened)  # takes in up to so many datagrams that wait
        self.closing = False
        self._reading = False
        self.resume()
        protocol.connection_made(self)

    def fileno(self) -> int:
        """Return the socket's descriptor; -1 once it is closed."""
        return self._socket.fileno()

    def sendto(self, data: Any, addr: Any = None) -> None:
        """Send one datagram, or lose it."""
        try:
            self._socket.sendto(data, addr)
        except BlockingIOError:
            return
        except OSError as error:
            if not self.closing:
                self._protocol.error_received(error)

    def pause(self) -> None:
        """Let what arrives wait until it is `collect`ed; idempotent."""
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._socket)

    def resume(self) -> None:
        """Take in each datagram as it arrives; idempotent."""
        if not self._reading and not self.closing:
            self._reading = True
            self._loop.add_reader(self._socket, self._readable)

    def _readable(self) -> None:
        self.collect(1)

    def is_closing(self) -> bool:
        """Tell whether it is closed."""
        return self.closing

    def close(self) -> None:
        """Close the socket at once; idempotent."""
        if self.closing:
            return
        self.pause()
        self.closing = True
        self._socket.close()
        self._loop.call_soon(self._protocol.connection_lost, None)

    def abort(self) -> None:
        """Close, as nothing waits to be sent."""
        self.close()

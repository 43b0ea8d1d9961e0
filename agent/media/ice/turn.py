"""Opens relays of either address family on a TURN server (RFC 8656); aioice by itself only ever asks for IPv4."""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl

from agent.media.ice.aioice_adapter import allocate
from agent.media.ice.library import (
    DEFAULT_ALLOCATION_LIFETIME,
    DEFAULT_CHANNEL_REFRESH_TIME,
    TurnClientMixin,
    TurnClientProtocol,
    TurnClientTcpProtocol,
    TurnClientUdpProtocol,
    TurnTransport,
    stun,
)
from agent.media.ice.names import look_up
from agent.media.ice.server_urls import TurnServer
from agent.media.strangers import strangers

FAMILY = (0x0017, "REQUESTED-ADDRESS-FAMILY", stun.pack_unsigned, stun.unpack_unsigned)
IPV6 = stun.IPV6_PROTOCOL << 24  # the family is the first of four bytes (RFC 8656, section 18.9)
NO_SUCH_FAMILY = (420, 440)  # the first from servers that are older than the attribute

stun.ATTRIBUTES_BY_TYPE[FAMILY[0]] = stun.ATTRIBUTES_BY_NAME[FAMILY[1]] = FAMILY


class _Client(TurnClientMixin):
    """A client that a malformed message does not disturb; aioice's passes some errors on to the event loop."""

    def datagram_received(self, data: bytes | str, addr: tuple[str, int]) -> None:
        try:
            super().datagram_received(data, addr)
        except Exception:
            strangers.note("malformed TURN messages", str(addr[0]))


class _UdpClient(_Client, TurnClientUdpProtocol):
    """One over UDP."""


class _TcpClient(_Client, TurnClientTcpProtocol):
    """One over TCP or TLS."""


class _Ipv6Client(TurnClientMixin):
    """A client whose allocation has an IPv6 address."""

    async def request_with_retry(self, request: stun.Message) -> tuple[stun.Message, tuple[str, int]]:
        if request.message_method == stun.Method.ALLOCATE:
            request.attributes[FAMILY[1]] = IPV6
        return await super().request_with_retry(request)


class _Ipv6UdpClient(_Ipv6Client, _UdpClient):
    """The same over UDP."""


class _Ipv6TcpClient(_Ipv6Client, _TcpClient):
    """The same over TCP or TLS."""


async def open_relay(
    server: TurnServer, family: socket.AddressFamily, protocol: asyncio.DatagramProtocol, tls: ssl.SSLContext | None
) -> TurnTransport:
    """Let `protocol` work through a new relay whose address is of `family`.

    The server is reached over the same family where it can be, so that a network on which one of them is dead costs
    only the relay of that one.
    """
    addresses = await look_up(server.host, server.port)
    failures: list[OSError] = []
    for _, address in sorted(addresses, key=lambda found: found[0] != family):
        try:
            client = await _reach(server, str(address[0]), family, tls)
        except ssl.SSLError:
            raise  # a server that is not trusted is so at each of its addresses
        except OSError as error:
            failures.append(error)
        else:
            return await allocate(client, protocol)
    raise failures[0]


def lacks_family(error: Exception) -> bool:
    """Tell whether a server answered that it has no relays of the family that was asked for."""
    return isinstance(error, stun.TransactionFailed) and error.response.error_code in NO_SUCH_FAMILY


async def _reach(server: TurnServer, address: str, relayed: int, tls: ssl.SSLContext | None) -> TurnClientProtocol:
    loop, target = asyncio.get_running_loop(), (address, server.port)
    terms = target, server.username, server.credential, DEFAULT_ALLOCATION_LIFETIME, DEFAULT_CHANNEL_REFRESH_TIME
    if server.transport == "tcp":
        over_tcp = _Ipv6TcpClient if relayed == socket.AF_INET6 else _TcpClient
        stream, name = functools.partial(over_tcp, *terms), server.host if tls else None
        return (await loop.create_connection(stream, *target, ssl=tls, server_hostname=name))[1]
    over_udp = _Ipv6UdpClient if relayed == socket.AF_INET6 else _UdpClient
    return (await loop.create_datagram_endpoint(functools.partial(over_udp, *terms), remote_addr=target))[1]

"""Asks one STUN or TURN server for an address, as a call would, and gives it back at once."""

from __future__ import annotations

import asyncio
import socket
import struct

from agent.media.ice.library import stun
from agent.media.ice.names import look_up
from agent.media.ice.server_urls import StunServer, TurnServer
from agent.media.ice.turn import open_relay
from agent.net.tls import plain_client_context

TRIES = 4
RETRY_S = 0.5


async def probe(server: StunServer | TurnServer, ca_file: str = "") -> str:
    """Ask `server` for our public (STUN) or relayed (TURN) address, as host:port; OSError or TimeoutError."""
    host, port = await (_ask_stun(server) if isinstance(server, StunServer) else _ask_turn(server, ca_file))
    return f"{host}:{port}"


class _Binding(asyncio.DatagramProtocol):
    """One Binding request (RFC 8489, section 2) and the address in its answer."""

    def __init__(self) -> None:
        self.request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
        self.answer: asyncio.Future[tuple[str, int]] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            message = stun.parse_message(data)
            address = message.attributes["XOR-MAPPED-ADDRESS"]
        except (ValueError, KeyError, struct.error):
            return
        if message.transaction_id == self.request.transaction_id and not self.answer.done():
            self.answer.set_result(address)

    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc)


async def _ask_stun(server: StunServer) -> tuple[str, int]:
    loop = asyncio.get_running_loop()
    _, address = (await look_up(server.host, server.port))[0]
    transport, binding = await loop.create_datagram_endpoint(_Binding, remote_addr=address[:2])
    try:
        for _ in range(TRIES):
            transport.sendto(bytes(binding.request))
            done, _ = await asyncio.wait([binding.answer], timeout=RETRY_S)
            if done:
                return binding.answer.result()
    finally:
        transport.close()
    raise TimeoutError("no answer")


async def _ask_turn(server: TurnServer, ca_file: str) -> tuple[str, int]:
    tls = plain_client_context(ca_file) if server.tls else None
    try:
        transport = await open_relay(server, socket.AF_INET, asyncio.DatagramProtocol(), tls)
    except stun.TransactionTimeout as error:
        raise TimeoutError("no answer") from error
    except stun.TransactionError as error:
        raise OSError(str(error)) from error
    host, port = transport.get_extra_info("sockname")
    transport.close()
    return host, port

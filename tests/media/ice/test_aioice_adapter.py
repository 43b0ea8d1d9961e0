"""The private names of aioice that this program leans on: an upgrade that moves one must fail here."""

import ast
import asyncio
import socket
from pathlib import Path

import aioice
import aioice.ice
import aioice.stun
import aioice.turn
import pytest

from agent.media.ice.aioice_adapter import PRIVATE_NAMES, Generation
from agent.media.ice.server_urls import TurnServer
from agent.media.ice.sockets import MAX_DATAGRAM_BYTES, Socket
from agent.media.ice.turn import FAMILY, open_relay
from tests.media.peers import run


def test_names_of_a_connection_exist():
    async def story():
        generation = Generation(True, lambda *packet: None, lambda generation: None, relay_only=False)
        assert [name for name in PRIVATE_NAMES[aioice.Connection] if not hasattr(generation, name)] == []

    run(story())


def test_socket_makes_room_for_one_packet_only():
    async def story():
        loop = asyncio.get_running_loop()
        generation = Generation(True, lambda *packet: None, lambda generation: None, relay_only=False)
        transport, _ = await loop.create_datagram_endpoint(lambda: Socket(generation), local_addr=("127.0.0.1", 0))
        assert hasattr(type(transport), "max_size"), "asyncio has another way to say how much is read at once"
        assert transport.max_size == MAX_DATAGRAM_BYTES + 1
        transport.close()

    run(story())


def test_names_of_a_turn_transport_exist():
    transport = aioice.turn.TurnTransport(object())
    assert [name for name in PRIVATE_NAMES[aioice.turn.TurnTransport] if not hasattr(transport, name)] == []


def test_dtls_transport_uses_nothing_of_its_path_but_recv_send_and_role():
    source = ast.parse(Path(__import__("aiortc.rtcdtlstransport", fromlist=["x"]).__file__).read_text())
    used = {
        node.attr
        for node in ast.walk(source)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Attribute)
        and node.value.attr in ("transport", "_transport")
    }
    assert used == {"_recv", "_send", "role"}


@pytest.mark.parametrize(
    "owner, method",
    [
        (aioice.Connection, "check_incoming"),
        (aioice.Connection, "request_received"),
        (aioice.Connection, "check_complete"),
        (aioice.Connection, "data_received"),
        (aioice.Connection, "protocol_lost"),
        (aioice.Connection, "query_consent"),
        (aioice.ice.StunProtocol, "datagram_received"),
    ],
)
def test_overridden_methods_still_exist(owner, method):
    ours = Socket if owner is aioice.ice.StunProtocol else Generation
    assert method in vars(owner) and method in vars(ours)


@pytest.mark.parametrize("family, told", [(socket.AF_INET, False), (socket.AF_INET6, True)])
def test_relay_request_names_the_family_only_when_that_is_ipv6(family, told):
    async def story():
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            silent.setblocking(False)
            server = TurnServer(*silent.getsockname(), "udp", False, "user", "secret")
            asking = loop.create_task(open_relay(server, family, asyncio.DatagramProtocol(), None))
            request = await asyncio.wait_for(loop.sock_recv(silent, 2_048), 5)
            assert (bytes.fromhex("0017 0004 02000000") in request) is told
            asking.cancel()
            await asyncio.wait([asking])

    run(story())


def test_aioice_does_not_know_the_attribute_that_we_add():
    assert FAMILY[0] not in [number for number, *_ in aioice.stun.ATTRIBUTES], "aioice may ask for IPv6 relays itself"


def test_retransmission_pace_is_the_one_we_set():
    assert aioice.stun.RETRY_RTO == 0.1
    assert aioice.stun.Transaction.__init__.__globals__["RETRY_RTO"] == 0.1


def test_generation_does_not_gather_by_itself():
    async def story():
        generation = Generation(True, lambda *packet: None, lambda generation: None, relay_only=False)
        await generation.gather_candidates()
        assert generation.local_candidates == []
        await asyncio.wait_for(generation.close(), 5)

    run(story())


def test_names_of_a_candidate_exist():
    candidate = aioice.Candidate.from_sdp("1 1 udp 1 10.0.0.1 9 typ host")
    assert [name for name in PRIVATE_NAMES[aioice.Candidate] if not hasattr(candidate, name)] == []


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_malformed_answers_of_a_relay_are_left_out(family, caplog):
    async def story():
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.bind(("127.0.0.1", 0))
            server.setblocking(False)
            where = TurnServer(*server.getsockname(), "udp", False, "user", "secret")
            asking = loop.create_task(open_relay(where, family, asyncio.DatagramProtocol(), None))
            request, address = await asyncio.wait_for(loop.sock_recvfrom(server, 2_048), 5)
            short = request[:2] + b"\x00\x08" + request[4:20] + b"\x00\x24\x00\x02ab\x00\x00"  # a priority of 2 bytes
            refusal = aioice.stun.Message(
                aioice.stun.Method.ALLOCATE, aioice.stun.Class.ERROR, transaction_id=request[8:20]
            )
            refusal.attributes["ERROR-CODE"] = (486, "enough")
            for packet in (b"", b"\x40", b"\x00\x01", short, bytes(refusal)):
                server.sendto(packet, address)
            with pytest.raises(aioice.stun.TransactionFailed):
                await asyncio.wait_for(asking, 5)

    run(story())
    assert "Exception" not in caplog.text

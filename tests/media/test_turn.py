"""STUN and TURN against coturn: UDP, TCP, TLS, IPv6, several servers."""

import asyncio
import shutil
import socket
from dataclasses import replace

import pytest

from agent.media.settings import IceServer
from tests.media.peers import Talker, WatchedPeer, close, negotiate, run
from tests.media.turn_server import USER, coturn, free_port, make_certificate

pytestmark = pytest.mark.skipif(shutil.which("turnserver") is None, reason="coturn is not installed")

@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("turn"))


def with_coturn(certificate, story):
    async def whole():
        async with coturn(certificate) as server:
            await story(server)

    run(whole())


@pytest.mark.parametrize(
    "form",
    [
        "turn:127.0.0.1:{port}",
        "turn:127.0.0.1:{port}?transport=tcp",
        "turns:127.0.0.1:{tls}",
        "turn:[::1]:{port}",
        "turn:[::1]:{port}?transport=tcp",
        "turns:[::1]:{tls}?transport=tcp",
    ],
)
def test_relayed_call_is_heard(certificate, form):
    async def story(server):
        settings = {
            "ice_servers": (server.server(form),),
            "ice_transport_policy": "relay",
            "turn_ca_file": server.ca_file,
        }
        caller, callee = WatchedPeer(**settings), WatchedPeer(**settings)
        await negotiate(caller, callee)
        assert "a=candidate" not in caller.local_sdp
        await exchange_relays(caller, callee)
        await asyncio.gather(caller.connected(), callee.connected())
        assert {caller.values("selected_pair")[0][0].type} == {"relay"}
        talker = Talker(caller)
        await callee.until(lambda peer: len(peer.packets) > 20)
        talker.stop()
        await close(caller, callee)

    with_coturn(certificate, story)


async def exchange_relays(caller, callee):
    """Two relayed ends cannot learn each other by themselves: tell each the other's relay, as trickling would."""
    for one, other in ((caller, callee), (callee, caller)):
        await one.until(lambda peer: any(c.type == "relay" for c in peer.values("candidate")))
        relay = next(c for c in one.values("candidate") if c.type == "relay")
        text = f"1 1 udp {relay.priority} {relay.ip} {relay.port} typ relay raddr 0.0.0.0 rport 9"
        other._ice.set_remote(replace(other._negotiation.remote.ice, candidates=(text,)))


def test_relay_that_was_never_signalled_is_found_by_its_checks(certificate):
    async def story(server):
        caller = WatchedPeer(ice_servers=(server.server("turn:127.0.0.1:{port}"),), ice_transport_policy="relay")
        callee = WatchedPeer()
        await negotiate(caller, callee)
        await asyncio.gather(caller.connected(), callee.connected())
        assert caller.values("selected_pair")[0][0].type == "relay"
        assert callee.values("selected_pair")[0][1].type == "prflx"
        assert caller.local_address == "127.0.0.1"
        await close(caller, callee)

    with_coturn(certificate, story)


def test_direct_path_is_kept_when_relays_come_later(certificate):
    async def story(server):
        servers = (server.server("turn:127.0.0.1:{port}"), server.server("turn:127.0.0.1:{port}?transport=tcp"))
        caller, callee = WatchedPeer(ice_servers=servers), WatchedPeer(ice_servers=servers)
        await negotiate(caller, callee)
        for peer in (caller, callee):
            await peer.connected()
            await peer.until(lambda peer: peer.ice_gathering_state == "complete")
            assert {local.type for local, _ in peer.values("selected_pair")} == {"host"}
        await close(caller, callee)

    with_coturn(certificate, story)


def test_restart_works_through_a_relay(certificate):
    async def story(server):
        caller = WatchedPeer(ice_servers=(server.server("turn:127.0.0.1:{port}"),), ice_transport_policy="relay")
        callee = WatchedPeer()
        await negotiate(caller, callee)
        await asyncio.gather(caller.connected(), callee.connected())
        await caller.apply_answer(await callee.answer_offer(await caller.create_restart_offer()))
        await caller.until(lambda peer: len(peer.values("selected_pair")) == 2)
        talker = Talker(callee)
        await caller.until(lambda peer: len(peer.packets) > 10)
        talker.stop()
        await close(caller, callee)

    with_coturn(certificate, story)


def test_several_servers_are_all_asked_and_broken_ones_do_no_harm(certificate):
    async def story(server):
        refused = f"turn:127.0.0.1:{free_port()}?transport=tcp"
        servers = (
            IceServer((refused, "turn:nowhere.invalid", "stun:nowhere.invalid"), **USER),
            IceServer((f"turn:127.0.0.1:{server.port}",), username="box", credential="wrong"),
            server.server("turn:127.0.0.1:{port}"),
            server.server("turn:127.0.0.1:{port}?transport=tcp"),
        )
        peer = WatchedPeer(ice_servers=servers)
        await peer.create_offer()
        await peer.until(lambda peer: [c.type for c in peer.values("candidate")].count("relay") == 2)
        await peer.until(lambda peer: peer.ice_gathering_state == "complete")
        await close(peer)

    with_coturn(certificate, story)


def test_untrusted_tls_server_is_not_used(certificate):
    async def story(server):
        peer = WatchedPeer(ice_servers=(server.server("turns:127.0.0.1:{tls}"),))
        await peer.create_offer()
        await peer.until(lambda peer: peer.ice_gathering_state == "complete")
        assert "relay" not in [c.type for c in peer.values("candidate")]
        await close(peer)

    with_coturn(certificate, story)


def test_offer_does_not_wait_for_a_silent_server():
    async def story():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            url = f"stun:127.0.0.1:{silent.getsockname()[1]}"
            caller, callee = WatchedPeer(ice_servers=(IceServer((url,)),)), WatchedPeer()
            await negotiate(caller, callee)
            await asyncio.gather(caller.connected(), callee.connected())
            assert caller.ice_gathering_state == "gathering"
            await close(caller, callee)

    run(story())

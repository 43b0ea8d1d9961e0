"""STUN and TURN against coturn: UDP, TCP, TLS, IPv4, IPv6, several servers."""

import asyncio
import logging
import shutil
import socket
from dataclasses import replace

import pytest

from agent.media.settings import IceServer
from bench.rig.ports import unused_port
from tests.media.peers import Talker, WatchedPeer, close, negotiate, only_addresses, run
from tests.media.turn_server import NAME, USER, coturn, make_certificate

pytestmark = [
    pytest.mark.real_time,
    pytest.mark.skipif(shutil.which("turnserver") is None, reason="coturn is not installed"),
]

FORMS = [
    "turn:127.0.0.1:{port}",
    "turn:127.0.0.1:{port}?transport=tcp",
    "turns:127.0.0.1:{tls}",
    "turn:[::1]:{port}",
    "turn:[::1]:{port}?transport=tcp",
    "turns:[::1]:{tls}?transport=tcp",
]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return make_certificate(tmp_path_factory.mktemp("turn"))


def with_coturn(certificate, story, *addresses, **options):
    async def whole():
        async with coturn(certificate, *addresses, **options) as server:
            await story(server)

    run(whole())


@pytest.mark.parametrize("form", FORMS)
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
        other._ice.set_remote(replace(other._descriptions.remote.ice, candidates=(text,)))


def relays(peer):
    """The addresses of the relays of a peer, in order."""
    return sorted(candidate.ip for candidate in peer.values("candidate") if candidate.type == "relay")


@pytest.fixture
def name(monkeypatch):
    """A name with an IPv6 and an IPv4 address, in this order."""
    real = socket.getaddrinfo

    def lookup(host, port, family=0, *hints):
        if host != NAME:
            return real(host, port, family, *hints)
        addresses = {socket.AF_INET6: "::1", socket.AF_INET: "127.0.0.1"}
        asked = [address for kind, address in addresses.items() if family in (0, kind)]
        return [found for address in asked for found in real(address, port, 0, *hints)]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    return NAME


@pytest.mark.parametrize(
    "own, far, form",
    [*(("::1", "::1", form) for form in FORMS), *(("127.0.0.1", "127.0.0.1", form) for form in FORMS[3:])],
)
def test_relays_reach_a_far_end_of_either_family(certificate, monkeypatch, own, far, form):
    async def story(server):
        only_addresses(monkeypatch, far)
        settings = {"ice_servers": (server.server(form),), "turn_ca_file": server.ca_file}
        caller, callee = WatchedPeer(**settings, ice_transport_policy="relay"), WatchedPeer()
        await negotiate(caller, callee)
        await asyncio.gather(caller.connected(), callee.connected())
        assert {(local.type, local.ip) for local, _ in caller.values("selected_pair")} == {("relay", own)}
        await both_hear(caller, callee)
        await caller.until(lambda peer: peer.ice_gathering_state == "complete")
        assert relays(caller) == ["127.0.0.1", "::1"]
        await close(caller, callee)

    with_coturn(certificate, story)


@pytest.mark.parametrize("far", [["::1"], ["127.0.0.1"], ["127.0.0.1", "::1"]])
def test_relays_are_paired_with_addresses_of_their_family_only(certificate, monkeypatch, far):
    async def story(server):
        only_addresses(monkeypatch, *far)
        caller = WatchedPeer(ice_servers=(server.server("turn:127.0.0.1:{port}"),), ice_transport_policy="relay")
        callee = WatchedPeer()
        await negotiate(caller, callee)
        await caller.until(lambda peer: peer.ice_gathering_state == "complete")
        pairs = [(pair.local_addr[0], pair.remote_addr[0]) for pair in caller._ice.newest._check_list]
        assert sorted(pairs) == [(address, address) for address in far]
        await close(caller, callee)

    with_coturn(certificate, story)


async def both_hear(caller, callee):
    talkers = Talker(caller), Talker(callee)
    for peer in (caller, callee):
        await peer.until(lambda peer: len(peer.packets) > 10)
    for talker in talkers:
        talker.stop()


def test_machine_without_ipv6_reaches_a_far_end_without_ipv4(certificate, monkeypatch):
    async def story(server):
        only_addresses(monkeypatch, "127.0.0.1")
        caller = WatchedPeer(ice_servers=(server.server("turn:127.0.0.1:{port}"),))
        offer = await caller.create_offer()
        only_addresses(monkeypatch, "::1")
        callee = WatchedPeer()
        await caller.apply_answer(await callee.answer_offer(offer))
        await asyncio.gather(caller.connected(), callee.connected())
        assert caller.values("selected_pair")[0][0].ip == "::1"
        await both_hear(caller, callee)
        await close(caller, callee)

    with_coturn(certificate, story)


@pytest.mark.parametrize("form", ["turn:{name}:{{port}}", "turn:{name}:{{port}}?transport=tcp", "turns:{name}:{{tls}}"])
@pytest.mark.parametrize("addresses", [("127.0.0.1", "::1"), ("127.0.0.1",)])
def test_name_of_both_families_gives_relays_though_ipv6_may_be_dead(certificate, name, form, addresses):
    async def story(server):
        settings = {"ice_servers": (server.server(form.format(name=name)),), "turn_ca_file": server.ca_file}
        peer = WatchedPeer(**settings)
        await peer.create_offer()
        await peer.until(lambda peer: "127.0.0.1" in relays(peer))
        if len(addresses) == 2:
            await peer.until(lambda peer: relays(peer) == ["127.0.0.1", "::1"])
        await close(peer)

    with_coturn(certificate, story, *addresses)


@pytest.mark.parametrize("has", ["127.0.0.1", "::1"])
def test_server_with_relays_of_one_family_only_is_normal(certificate, caplog, has):
    async def story(server):
        peer = WatchedPeer(ice_servers=(server.server("turn:127.0.0.1:{port}"),))
        await peer.create_offer()
        await peer.until(lambda peer: peer.ice_gathering_state == "complete")
        assert relays(peer) == [has]
        await close(peer)

    with caplog.at_level(logging.DEBUG, "agent"):
        with_coturn(certificate, story, relays=(has,))
    told = [record for record in caplog.records if "gives no" in record.message]
    assert [record.levelno for record in told] == [logging.INFO if has == "::1" else logging.DEBUG]
    assert "440" in told[0].message


def test_quota_for_one_relay_is_used_for_ipv4(certificate):
    async def story(server):
        peer = WatchedPeer(ice_servers=(server.server("turn:[::1]:{port}"),))
        await peer.create_offer()
        await peer.until(lambda peer: peer.ice_gathering_state == "complete")
        assert relays(peer) == ["127.0.0.1"]
        await close(peer)

    with_coturn(certificate, story, options="--user-quota=1")


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
        refused = f"turn:127.0.0.1:{unused_port()}?transport=tcp"
        servers = (
            IceServer((refused, "turn:nowhere.invalid", "stun:nowhere.invalid"), **USER),
            IceServer((f"turn:127.0.0.1:{server.port}",), username="box", credential="wrong"),
            server.server("turn:127.0.0.1:{port}"),
            server.server("turn:127.0.0.1:{port}?transport=tcp"),
        )
        peer = WatchedPeer(ice_servers=servers)
        await peer.create_offer()
        await peer.until(lambda peer: relays(peer) == ["127.0.0.1"] * 2 + ["::1"] * 2)
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

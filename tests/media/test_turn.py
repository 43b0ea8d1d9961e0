"""STUN and TURN against coturn: UDP, TCP, TLS, IPv6, several servers."""

import asyncio
import contextlib
import datetime
import ipaddress
import shutil
import socket
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from agent.media.settings import IceServer
from tests.media.peers import Talker, WatchedPeer, close, negotiate, run

pytestmark = pytest.mark.skipif(shutil.which("turnserver") is None, reason="coturn is not installed")

USER = {"username": "box", "credential": "secret"}


def free_port():
    with socket.socket(socket.AF_INET6) as sock:
        sock.bind(("::1", 0))
        return sock.getsockname()[1]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "turn")])
    now = datetime.datetime.now(datetime.UTC)
    addresses = [x509.IPAddress(ipaddress.ip_address(a)) for a in ("127.0.0.1", "::1")]
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(addresses), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("turn")
    (folder / "cert.pem").write_bytes(built.public_bytes(serialization.Encoding.PEM))
    pem, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, pem, plain))
    return folder


class Coturn:
    """Where the server listens."""

    def __init__(self, folder):
        self.folder, self.port, self.tls_port = folder, free_port(), free_port()
        self.ca_file = str(folder / "cert.pem")

    def server(self, form):
        return IceServer((form.format(port=self.port, tls=self.tls_port),), **USER)

    def arguments(self):
        return (
            f"-n -l stdout --no-stdout-log --listening-ip 127.0.0.1 --listening-ip ::1 --relay-ip 127.0.0.1 "
            f"--listening-port {self.port} --tls-listening-port {self.tls_port} --realm test --lt-cred-mech "
            f"--user box:secret --allow-loopback-peers --no-cli --pidfile {self.folder}/pid "
            f"--cert {self.folder}/cert.pem --pkey {self.folder}/key.pem --no-rfc5780"
        ).split()


@contextlib.asynccontextmanager
async def coturn(folder):
    server = Coturn(folder)
    process = await asyncio.create_subprocess_exec(
        "turnserver",
        *server.arguments(),
        cwd=folder,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(10):
            while True:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", server.tls_port)
                    writer.close()
                    break
                await asyncio.sleep(0.05)
        yield server
    finally:
        process.terminate()
        await process.wait()


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

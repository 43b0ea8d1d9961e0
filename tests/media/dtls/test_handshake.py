"""One DTLS handshake after another until one succeeds, and what is said when none does."""

import asyncio
import logging
import math
from itertools import pairwise

import pytest
from OpenSSL import SSL

from agent.media.dtls import handshake
from agent.media.dtls.aiortc_adapter import Dtls, local_fingerprint, new_certificate
from agent.media.dtls.handshake import Handshake
from agent.media.dtls.records import datagrams
from bench.rig import junk
from tests.media.certificates import rsa_certificate
from tests.media.peers import run

WRONG = ("sha-256", ":".join(["00"] * 32))


class Side:
    """A handshake whose datagrams go to the other side, through `spoil`."""

    def __init__(self, client, told=None, certificate=None):
        self.certificate = certificate or new_certificate()
        self.client, self.told = client, told
        self.other = None
        self.states = []
        self.ended = asyncio.Event()
        self.spoil = lambda datagram: [datagram]

    def begin(self, other):
        self.other = other
        told = [self.told or local_fingerprint(other.certificate)]
        self.handshake = Handshake(self, self.certificate, self.client, told, self.changed)
        self.handshake.begin()

    def changed(self, state):
        self.states.append(state)
        self.ended.set()

    def send(self, datagram):
        for one in self.spoil(datagram):
            asyncio.get_running_loop().call_soon(self.other.take, one)
        return True

    def take(self, datagram):
        if hasattr(self, "handshake"):
            self.handshake.receive(datagram, "10.0.0.1")


async def both(client, server):
    server.begin(client)
    client.begin(server)
    async with asyncio.timeout(10):
        await asyncio.gather(client.ended.wait(), server.ended.wait())


def close(*sides):
    for side in sides:
        side.handshake.close()


def test_handshake_connects_both_with_keys_that_fit():
    async def story():
        client, server = Side(True), Side(False)
        await both(client, server)
        packet = bytes([0x80, 111, 0, 1]) + bytes(8) + b"sound"
        assert client.states == server.states == ["connected"]
        for one, other in ((client, server), (server, client)):
            assert other.handshake.dtls.inbound.unprotect(one.handshake.dtls.outbound.protect(packet)) == packet
        close(client, server)

    run(story())


class OpenSslSide(Side):
    """A far end that is plain OpenSSL with the key it was given, its own choice of suites, and a chain and MTU."""

    chain = ()
    mtu = None

    def begin(self, other):
        self.other = other
        context = SSL.Context(SSL.DTLS_METHOD)
        context.use_certificate(self.certificate._cert)
        context.use_privatekey(self.certificate._key)
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        context.set_tlsext_use_srtp(b"SRTP_AES128_CM_SHA1_80")
        for certificate in self.chain:
            context.add_extra_chain_cert(certificate._cert)
        if self.mtu is not None:
            context.set_options(SSL.OP_NO_QUERY_MTU)
        self.ssl = SSL.Connection(context)
        if self.mtu is not None:
            self.ssl.set_ciphertext_mtu(self.mtu)
        (self.ssl.set_connect_state if self.client else self.ssl.set_accept_state)()
        self.take(b"")

    def take(self, datagram):
        if datagram:
            self.ssl.bio_write(datagram)
        try:
            self.ssl.do_handshake()
            self.changed("connected")
        except SSL.WantReadError:
            pass
        try:
            for one in datagrams(self.ssl.bio_read(65_536), 1_200):
                self.send(one)
        except SSL.WantReadError:
            pass


@pytest.mark.parametrize("bits", [2048, 3072])
@pytest.mark.parametrize("far_end_is_client", [True, False])
def test_far_end_with_an_rsa_key_is_taken_in_either_role(bits, far_end_is_client):
    async def story():
        ours, theirs = Side(not far_end_is_client), OpenSslSide(far_end_is_client, certificate=rsa_certificate(bits))
        await both(*((theirs, ours) if far_end_is_client else (ours, theirs)))
        assert ours.states == ["connected"]
        assert ours.handshake.dtls.inbound is not None
        close(ours)

    run(story())


@pytest.mark.parametrize("mtu", [None, 300, 1_200])
@pytest.mark.parametrize("far_end_is_client", [True, False])
def test_long_chain_of_large_certificates_is_taken_in_pieces(mtu, far_end_is_client):
    async def story():
        large = rsa_certificate(4096)
        ours, theirs = Side(not far_end_is_client), OpenSslSide(far_end_is_client, certificate=large)
        theirs.chain, theirs.mtu = (rsa_certificate(3072), large), mtu
        await both(*((theirs, ours) if far_end_is_client else (ours, theirs)))
        assert ours.states == ["connected"]
        close(ours)

    run(story())


@pytest.mark.parametrize("victim_is_client", [True, False])
def test_junk_before_each_datagram_does_not_end_it(victim_is_client):
    async def story():
        client, server = Side(True), Side(False)
        giver = server if victim_is_client else client
        packets = [packet for packet in junk.everything() if packet]
        giver.spoil = lambda datagram: [*packets, datagram]
        await both(client, server)
        assert client.states == server.states == ["connected"]
        close(client, server)

    run(story())


def test_alert_in_the_clear_after_the_handshake_closes_nothing_and_a_goodbye_does():
    async def story():
        client, server = Side(True), Side(False)
        await both(client, server)
        for alert in junk.alerts():
            server.take(alert)
        assert server.handshake.state == "connected"
        server.ended.clear()
        client.handshake.close()
        async with asyncio.timeout(5):
            await server.ended.wait()
        assert server.states == ["connected", "closed"]

    run(story())


def test_lost_flights_are_repeated():
    async def story():
        client, server = Side(True), Side(False)
        lost = {id(client): 1, id(server): 1}

        def lose_first(side):
            def spoil(datagram):
                lost[id(side)] -= 1
                return [datagram] if lost[id(side)] < 0 else []

            return spoil

        client.spoil, server.spoil = lose_first(client), lose_first(server)
        await both(client, server)
        close(client, server)

    run(story())


def lose(side, number, count=1):
    """Lose so many datagrams of that side, from this one on."""
    sent = iter(range(1_000))
    side.spoil = lambda datagram: [] if number <= next(sent) < number + count else [datagram]


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("loser_is_client", [True, False])
def test_lost_datagram_is_repeated_without_waiting_for_openssl(monkeypatch, number, count, loser_is_client):
    monkeypatch.setattr(handshake, "FIRST_REPEAT_S", 0.02)
    openssl_s = Dtls.timeout_s.fget  # begins at 1 s
    monkeypatch.setattr(Dtls, "timeout_s", property(lambda dtls: None if openssl_s(dtls) is None else math.inf))

    async def story():
        client, server = Side(True), Side(False)
        lose(client if loser_is_client else server, number, count)
        await both(client, server)
        assert client.states == server.states == ["connected"]
        close(client, server)

    run(story())


@pytest.mark.parametrize("number", [0, 1])
def test_repetition_is_no_replay_for_a_far_end_that_is_plain_openssl(monkeypatch, number):
    monkeypatch.setattr(handshake, "FIRST_REPEAT_S", 0.02)

    async def story():
        ours, theirs = Side(True), OpenSslSide(False)
        lose(ours, number)
        await both(ours, theirs)
        assert ours.states == ["connected"]
        close(ours)

    run(story())


def test_repetitions_double_their_distance(monkeypatch):
    monkeypatch.setattr(handshake, "FIRST_REPEAT_S", 0.02)

    async def story():
        client, nobody = Side(True), Side(False)
        times, enough = [], asyncio.Event()

        def note(_datagram):
            times.append(asyncio.get_running_loop().time())
            if len(times) == 5:
                enough.set()
            return []

        client.spoil = note
        client.begin(nobody)
        async with asyncio.timeout(10):
            await enough.wait()
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert all(gap >= 0.02 * 2**n - 0.002 for n, gap in enumerate(gaps))
        close(client)

    run(story())


def test_strangers_make_a_server_repeat_itself_only_so_often():
    async def story():
        client, server = Side(True), Side(False)
        repeated = []
        await both(client, server)
        server.spoil = lambda datagram: repeated.append(datagram) or []
        for n in range(500):
            server.take(junk.record(22, junk.message(16, bytes(10), number=2), number=n))
        assert len(repeated) <= handshake.MOST_LAST_FLIGHTS
        close(client, server)

    run(story())


def failure(caplog, story):
    with caplog.at_level(logging.DEBUG, logger="agent"):
        run(story())
    return "\n".join(r.message for r in caplog.records if r.levelno == logging.WARNING)


def test_another_certificate_is_named_as_the_reason_at_once(caplog):
    async def story():
        client, server = Side(True, told=WRONG), Side(False)
        await both(client, server)
        assert client.states == ["failed"]
        close(server)

    assert "certificate is not the one" in failure(caplog, story)


def test_silence_is_named_as_the_reason(caplog, monkeypatch):
    monkeypatch.setattr(handshake, "LIMIT_S", 0.05)

    async def story():
        client, nobody = Side(True), Side(False)
        client.begin(nobody)
        await client.ended.wait()
        assert client.states == ["failed"]

    assert "nothing usable came" in failure(caplog, story)


def test_what_was_dropped_is_named_with_the_reason(caplog, monkeypatch):
    monkeypatch.setattr(handshake, "LIMIT_S", 0.05)

    async def story():
        server, nobody = Side(False), Side(True)
        server.begin(nobody)
        for packet in [*junk.alerts()[:3], *junk.messages()[:2]]:
            server.take(packet)
        await server.ended.wait()

    said = failure(caplog, story)
    assert "3 plain DTLS alerts" in said and "2 DTLS messages out of turn" in said and "identity" not in said


def test_attempt_that_broke_off_is_named_as_the_reason(caplog, monkeypatch):
    monkeypatch.setattr(handshake, "LIMIT_S", 0.2)

    async def story():
        server, nobody = Side(False), Side(True)
        server.begin(nobody)
        hello = junk.record(22, junk.message(1, junk.hello_body(suites=b"\x00\x05", extensions=junk.USE_SRTP)))
        for _ in range(20):
            server.take(hello)
        await asyncio.sleep(0)
        assert server.handshake._attempts <= handshake.AT_ONCE
        await server.ended.wait()

    assert "no shared cipher" in failure(caplog, story)

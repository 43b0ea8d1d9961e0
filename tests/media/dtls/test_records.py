"""Which DTLS records pass: those of a genuine handshake, and no others."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.media.dtls.aiortc_adapter import Dtls, new_certificate
from agent.media.dtls.records import Sieve, datagrams
from bench.rig import junk
from tests.media.certificates import rsa_certificate
from tests.media.peers import run

HELLO = junk.record(22, junk.message(1, junk.hello_body(extensions=junk.USE_SRTP)), number=7)


class Wire:
    def __init__(self):
        self.sent = []

    def send(self, data):
        self.sent.append(data)
        return True


def flights(make=new_certificate):
    """A genuine handshake: each datagram with whether it is for the client."""

    async def story():
        wires = {True: Wire(), False: Wire()}
        ends = {client: Dtls(wires[client], make()) for client in wires}
        found = []
        for client in (False, True):
            ends[client].begin(client)
        while any(wire.sent for wire in wires.values()):
            for client, wire in wires.items():
                sent, wire.sent = wire.sent, []
                for datagram in sent:
                    found.append((not client, datagram))
                    ends[not client].receive(datagram)
        assert all(end.encrypted for end in ends.values())
        return found

    return run(story())


@pytest.mark.parametrize("make", [new_certificate, rsa_certificate])
def test_genuine_handshake_passes_whole(make):
    sieves = {client: Sieve(client) for client in (True, False)}
    for to_client, datagram in flights(make):
        sifted = sieves[to_client].sift(datagram, False)
        assert sifted.refused == () and len(sifted.kept) == len(datagram)


def test_genuine_handshake_passes_however_its_datagrams_are_cut():
    sieves = {client: Sieve(client) for client in (True, False)}
    for to_client, datagram in flights():
        for record in datagrams(datagram, 1):
            assert sieves[to_client].sift(record, False).refused == ()


def test_hello_does_not_pass_back_to_where_it_came_from():
    for to_client, datagram in flights()[:2]:
        hello = datagrams(datagram, 1)[0]
        assert Sieve(to_client).sift(hello, False).kept != b"" == Sieve(not to_client).sift(hello, False).kept


def test_nothing_plain_passes_after_the_handshake():
    for to_client, datagram in flights():
        kept = Sieve(to_client).sift(datagram, True).kept
        assert all(record[3:5] == b"\x00\x01" for record in datagrams(kept, 1))


def test_records_are_numbered_anew():
    sieve = Sieve(False)
    high = junk.record(22, junk.message(1, junk.hello_body(extensions=junk.USE_SRTP)), number=2**48 - 1)
    numbers = [int.from_bytes(sieve.sift(data, False).kept[5:11], "big") for data in (high, HELLO)]
    assert numbers == [1, 2]


def test_hello_is_told_by_its_random():
    random = bytes(range(32))
    data = junk.record(22, junk.message(1, junk.hello_body(random, extensions=junk.USE_SRTP)))
    assert Sieve(False).sift(data, False).hello == random


@pytest.mark.parametrize("end", range(1, len(HELLO)))
def test_hello_that_is_cut_short_is_dropped(end):
    assert Sieve(False).sift(HELLO[:end], False).kept == b""


@pytest.mark.parametrize("client", [True, False])
@pytest.mark.parametrize("established", [True, False])
def test_alerts_and_data_in_the_clear_are_dropped(client, established):
    for packet in [*junk.alerts(), junk.record(23, b"hello"), junk.record(20, b"\x01")]:
        assert Sieve(client).sift(packet, established).kept == b""


def test_good_record_passes_beside_a_bad_one():
    sifted = Sieve(False).sift(junk.alerts()[0] + HELLO, False)
    assert sifted.refused == ("plain DTLS alerts",) and sifted.hello is not None


@given(data=st.binary(max_size=300), client=st.booleans(), established=st.booleans())
def test_any_bytes_are_taken(data, client, established):
    sifted = Sieve(client).sift(data, established)
    assert len(sifted.kept) <= len(data)


@given(at=st.integers(0, len(HELLO) - 1), value=st.integers(0, 255))
def test_any_damage_is_taken(at, value):
    Sieve(False).sift(HELLO[:at] + bytes([value]) + HELLO[at + 1 :], False)


@given(flight=st.lists(st.integers(0, 400), max_size=20), most=st.integers(1, 2000))
def test_flight_is_divided_between_records(flight, most):
    records = [junk.record(22, bytes(size)) for size in flight]
    found = datagrams(b"".join(records), most)
    assert b"".join(found) == b"".join(records)
    assert all(len(one) <= most or one in records for one in found)

"""Which pairs are checked first, and which of two that work carries the media."""

import asyncio

import aioice
import pytest
from aioice.ice import CandidatePair

from agent.media.ice.aioice_adapter import STILL_GOOD_S
from agent.media.ice.check_order import put_likely_first, source_towards
from tests.media.peers import WatchedPeer, close, negotiate, only_addresses, run


class FakePair:
    """As much of a pair as the order depends on."""

    def __init__(self, local, remote, kind="host"):
        self.local_candidate = aioice.Candidate("f", 1, "udp", 1, local, 1_000, kind)
        self.remote_addr = (remote, 2_000)


def test_kernel_names_its_source_without_sending():
    assert source_towards(("127.0.0.1", 9)) == "127.0.0.1"
    assert source_towards(("240.0.0.1", 9)) != "127.0.0.1"


@pytest.mark.parametrize("count", [2, 12, 30])
def test_pairs_of_the_routing_table_go_before_the_rest(count):
    addresses = [f"10.{n}.0.1" for n in range(count)]
    pairs = [FakePair(local, remote.replace(".0.1", ".0.2")) for local in addresses for remote in addresses]

    put_likely_first(pairs, None, lambda to: to[0].replace(".0.2", ".0.1"))

    assert all(pair.local_candidate.host[:-1] == pair.remote_addr[0][:-1] for pair in pairs[:count])
    assert [pair.local_candidate.host for pair in pairs[:count]] == addresses


def test_relay_counts_as_likely_and_nothing_is_lost():
    pairs = [FakePair("10.0.0.1", "10.9.0.2"), FakePair("192.0.2.1", "10.9.0.2", "relay")]

    put_likely_first(pairs, None, lambda to: None)

    assert [pair.local_candidate.type for pair in pairs] == ["relay", "host"]


@pytest.mark.parametrize("count", [2, 12, 30])
def test_address_that_signaling_uses_goes_before_those_that_lead_back_to_this_machine(count):
    bridges = [f"10.{n}.0.1" for n in range(count)]
    pairs = [FakePair(local, remote) for local in [*bridges, "172.30.0.1"] for remote in [*bridges, "172.30.0.2"]]

    put_likely_first(pairs, "172.30.0.1", lambda to: "172.30.0.1" if to[0] == "172.30.0.2" else to[0])

    order = [(pair.local_candidate.host, pair.remote_addr[0]) for pair in pairs]
    assert order[0] == ("172.30.0.1", "172.30.0.2")
    assert order[1 : count + 1] == [(bridge, bridge) for bridge in bridges]
    assert {local for local, _ in order[count + 1 : 2 * count + 1]} == {"172.30.0.1"}


def test_of_pairs_that_are_alike_the_order_is_kept():
    pairs = [FakePair("10.0.0.1", f"10.9.0.{n}") for n in range(5)]

    put_likely_first(pairs, "192.0.2.1", lambda to: "10.0.0.1")

    assert [pair.remote_addr[0] for pair in pairs] == [f"10.9.0.{n}" for n in range(5)]


@pytest.mark.parametrize("works", [True, False])
def test_answer_that_comes_late_over_another_address_than_the_kernels_replaces_no_path_that_works(monkeypatch, works):
    async def story():
        only_addresses(monkeypatch, "127.0.0.1")
        callee = WatchedPeer()
        only_addresses(monkeypatch, "127.0.0.1", "127.0.0.2")
        caller = WatchedPeer()
        await negotiate(caller, callee)
        await asyncio.gather(caller.connected(), callee.connected())
        generation = caller._ice.current
        if not works:
            generation.heard_at -= STILL_GOOD_S

        answered_late(generation, "127.0.0.2")

        assert caller.local_address == ("127.0.0.1" if works else "127.0.0.2")
        await close(caller, callee)

    run(story())


def answered_late(generation, own):
    """The far end answers, after the path was chosen, a check that was under way from another address of ours."""
    (late,) = (socket for socket in generation.sockets if socket.local_candidate.host == own)
    pair = CandidatePair(late, generation.nominated.remote)
    pair.state, pair.nominated = CandidatePair.State.SUCCEEDED, True
    generation.check_complete(pair)

"""Which pairs are checked first."""

import aioice
import pytest

from agent.media.ice.check_order import put_likely_first, source_towards


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

    put_likely_first(pairs, lambda to: to[0].replace(".0.2", ".0.1"))

    assert all(pair.local_candidate.host[:-1] == pair.remote_addr[0][:-1] for pair in pairs[:count])
    assert [pair.local_candidate.host for pair in pairs[:count]] == addresses


def test_relay_counts_as_likely_and_nothing_is_lost():
    pairs = [FakePair("10.0.0.1", "10.9.0.2"), FakePair("192.0.2.1", "10.9.0.2", "relay")]

    put_likely_first(pairs, lambda to: None)

    assert [pair.local_candidate.type for pair in pairs] == ["relay", "host"]

"""The small pure parts: registry, rate, descriptions, addresses, patience."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from agent.net.rate_limit import BURST_S, RateLimit
from agent.switchboard import sdp
from agent.switchboard.phone_page import is_near
from agent.switchboard.registry import Registry

CHROMIUM = (
    "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0 111 63 110 126\r\na=ice-ufrag:piWX\r\na=rtpmap:111 opus/48000/2\r\n"
    "a=rtcp-fb:111 transport-cc\r\na=fmtp:111 minptime=10\r\na=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n"
    "a=rtpmap:0 PCMU/8000\r\na=rtpmap:110 telephone-event/48000\r\na=rtpmap:126 telephone-event/8000\r\n"
)


@dataclass(eq=False)
class Someone:
    id: int
    identity: str | None


def test_only_registered_clients_are_reachable() -> None:
    registry: Registry[Someone] = Registry()
    for client in (Someone(1, "bob"), Someone(2, "bob"), Someone(3, None)):
        registry.add(client)
    registry.set_reachable(2, True)
    assert [client.id for client in registry.of("bob")] == [1, 2]
    assert [client.id for client in registry.reachable("bob")] == [2]


def test_a_client_that_left_is_forgotten() -> None:
    registry: Registry[Someone] = Registry()
    registry.add(Someone(1, "bob"))
    registry.set_reachable(1, True)
    registry.remove(1)
    registry.remove(1)
    registry.set_reachable(1, True)
    assert registry.of("bob") == registry.reachable("bob") == []
    assert registry.get(1) is None and len(registry) == 0


def test_a_bucket_allows_bursts_and_then_its_rate() -> None:
    bucket = RateLimit(rate_per_s=10, now=0.0)
    assert [bucket.take(0.0) for _ in range(60)].count(True) == 10 * BURST_S
    assert [bucket.take(0.5) for _ in range(10)].count(True) == 5


def test_codecs_come_in_the_order_of_the_payload_list() -> None:
    assert sdp.codecs(CHROMIUM) == ("pcmu", "opus")
    assert sdp.codecs(CHROMIUM.replace("0 111 63", "111 0 63")) == ("opus", "pcmu")
    assert sdp.codecs("") == ()


def test_a_codec_that_is_not_kept_leaves_no_trace() -> None:
    only_opus = sdp.keep_codecs(CHROMIUM, ("opus",))
    assert "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 110 126\r\n" in only_opus and "PCMU" not in only_opus
    only_pcmu = sdp.keep_codecs(CHROMIUM, ("pcmu",))
    assert sdp.codecs(only_pcmu) == ("pcmu",) and ":111 " not in only_pcmu
    assert sdp.keep_codecs(CHROMIUM, ("opus", "pcmu")) == CHROMIUM


def test_attributes_are_read_by_name() -> None:
    assert sdp.attribute(CHROMIUM, "ice-ufrag") == "piWX"
    assert sdp.attribute(CHROMIUM, "fingerprint") == ""


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost", "10.1.2.3", "192.168.0.9", "fe80::1%eth0",
                                  "fd00::7", "::ffff:192.168.1.1"])  # fmt: skip
def test_private_addresses_are_near(host: str) -> None:
    assert is_near(host)


@pytest.mark.parametrize("host", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "example.org", ""])
def test_other_addresses_are_not(host: str) -> None:
    assert not is_near(host)

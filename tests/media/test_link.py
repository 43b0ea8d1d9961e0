"""Calls over a network that loses, delays, rebinds and attacks."""

import asyncio
import secrets

import pytest

from agent.media.rtp.packet import write_rtp
from tests.media.link import Link
from tests.media.peers import Talker, close, link_up, linked_pair, number_of, run

SOON = {"disconnected_after_ms": 400, "failed_after_ms": 1_000}


def linked(story, **settings):
    """Run `story(link, caller, callee)` with both ends talking."""

    async def whole():
        link = await Link().open()
        caller, callee = await linked_pair(link, **settings)
        talkers = Talker(caller), Talker(callee)
        await hears(caller, callee)
        await story(link, caller, callee)
        for talker in talkers:
            talker.stop()
        await close(caller, callee)
        link.close()

    run(whole())


async def hears(*peers, packets=5):
    """Wait until each of them has received that many more packets."""
    before = {peer: len(peer.packets) for peer in peers}
    await asyncio.gather(*(p.until(lambda p: len(p.packets) >= before[p] + packets) for p in peers))


@pytest.mark.parametrize("rebound", ["caller", "callee"])
def test_rebound_nat_is_followed_without_a_restart(rebound):
    async def story(link, caller, callee):
        await link.rebind("callee" if rebound == "caller" else "caller")
        await hears(caller, callee, packets=20)
        assert caller.ice_connection_state == callee.ice_connection_state == "connected"

    linked(story)


def test_gap_in_the_path_heals_by_itself():
    async def story(link, caller, callee):
        link.up = False
        await asyncio.gather(*(p.until(lambda p: p.ice_connection_state == "disconnected") for p in (caller, callee)))
        link.up = True
        await asyncio.gather(*(p.until(lambda p: p.ice_connection_state == "connected") for p in (caller, callee)))
        await hears(caller, callee)
        assert len(caller.values("selected_pair")) == 1

    linked(story, **SOON)


@pytest.mark.parametrize("silent", ["caller", "callee"])
def test_loss_in_one_direction_is_noticed_by_who_hears_nothing(silent):
    async def story(link, caller, callee):
        deaf = callee if silent == "caller" else caller
        link.loss[silent] = 1.0
        await deaf.until(lambda peer: peer.ice_connection_state == "disconnected")
        assert deaf.values("rtp_silence")
        link.loss[silent] = 0.0
        await deaf.until(lambda peer: peer.ice_connection_state == "connected")

    linked(story, **SOON)


def test_who_is_not_heard_notices_by_missing_answers():
    async def story(link, caller, callee):
        link.loss["caller"] = 1.0
        await caller.until(lambda peer: peer.ice_connection_state == "disconnected")
        assert caller.values("rtp_silence") == []

    linked(story, **SOON)


def test_restart_during_an_outage_succeeds_when_the_path_returns():
    async def story(link, caller, callee):
        link.up = False
        await caller.until(lambda peer: peer.ice_connection_state == "disconnected")
        await link_up(link, caller, callee)
        assert caller.ice_connection_state == "checking"
        await asyncio.sleep(0.5)  # the outage lasts on while checks are under way
        link.up = True
        await hears(caller, callee)
        await caller.until(lambda peer: peer.ice_connection_state == "connected")

    linked(story, **SOON)


def test_failed_path_that_returns_is_connected_again():
    async def story(link, caller, callee):
        link.up = False
        await caller.until(lambda peer: peer.ice_connection_state == "failed")
        link.up = True
        await caller.until(lambda peer: peer.ice_connection_state == "connected")
        await hears(caller, callee)

    linked(story, **SOON)


def test_lossy_path_stays_connected():
    async def story(link, caller, callee):
        link.loss.update(caller=0.2, callee=0.2)
        link.delay_s = 0.15
        await hears(caller, callee, packets=150)
        assert caller.values("ice_connection_state") == ["checking", "connected"]
        await caller.until(lambda peer: peer.stats().packets_lost > 5)
        await caller.until(lambda peer: (peer.stats().rtt_ms or 0) > 280)  # with the first report that is not lost
        assert caller.stats().rtt_ms < 5_000  # a busy machine answers late; a wrong clock is off by far more

    linked(story, disconnected_after_ms=1_500)


def test_connecting_over_a_slow_and_lossy_path_succeeds():
    async def story():
        link = await Link().open()
        link.loss.update(caller=0.3, callee=0.3)
        link.delay_s = 0.1
        caller, callee = await linked_pair(link)
        await close(caller, callee)
        link.close()

    run(story())


def hostile_packets():
    """What an attacker who knows the port may send: junk of every kind and size, and headers that promise too much."""
    junk = [secrets.token_bytes(n) for n in (1, 2, 3, 4, 11, 12, 19, 20, 21, 100, 1_499, 1_500, 1_501, 2_049, 9_000)]
    magic = b"\x21\x12\xa4\x42" + bytes(12)
    stun = [
        b"\x00\x01\x00\x00" + magic,
        b"\x01\x01\x00\x00" + magic,
        b"\x01\x11\x00\x00" + magic,
        b"\x00\x01\x00\x04" + magic + b"\x00\x06\xff\xff",
        b"\x00\x01\x00\x08" + magic + b"\x00\x06\x00\x04\xff\xfe\xfd\xfc",
        b"\x00\x01\x00\x08" + magic + b"\x00\x20\x00\x04\x00\x01\x00\x00",
        b"\x00\x01\x00\x08" + magic + b"\x00\x24\x00\x01\x00\x00\x00\x00",
        b"\x00\x01\x00\x08" + magic + b"\x00\x09\x00\x04\x00\x00\x00\x00",
        b"\x3f\xff\x00\x00" + magic,
        b"\x00\x01\xff\xff" + magic,
    ]
    dtls = [b"\x16\xfe\xfd" + bytes(50), b"\x15\xfe\xfd\x00\x00\x00\x00\x00\x00\x00\x01\x00\x02\x02\x28", b"\x14" * 60]
    rtp = [write_rtp(111, False, n, n * 960, 7, bytes(40)) for n in range(20)]
    rtcp = [b"\x80\xc8\x00\x06" + bytes(24), b"\x81\xc9\xff\xff" + bytes(28), b"\x80\xcb" + bytes(30)]
    return junk + stun + dtls + rtp + rtcp


def test_hostile_packets_are_ignored(caplog):
    async def story(link, caller, callee):
        for packet in hostile_packets() * 3:
            link.inject("callee", packet)
            link.inject("caller", packet)
        await hears(caller, callee, packets=10)
        assert caller.connection_state == callee.connection_state == "connected"
        assert all(len(packet[0]) == 64 for packet in callee.packets)
        assert callee._secure.rejected > 0

    linked(story)
    assert [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")] == []


def test_replayed_and_altered_packets_are_not_heard_twice():
    async def story(link, caller, callee):
        link.listening = True
        await hears(callee, packets=10)
        recorded = [data for origin, data in link.carried if origin == "caller" and data[0] & 0xC0 == 0x80]
        link.listening = False
        for data in recorded:
            link.inject("callee", data)
            link.inject("callee", data[:-1] + bytes([data[-1] ^ 1]))
        await hears(callee, packets=10)
        numbers = [number_of(packet) for packet in callee.packets]
        assert len(numbers) == len(set(numbers))

    linked(story)


def test_unauthenticated_packets_do_not_keep_a_dead_path_alive():
    async def story(link, caller, callee):
        link.up = False

        def is_disconnected(peer):
            link.inject("caller", write_rtp(111, False, 1, 1, 7, bytes(40)))
            return peer.ice_connection_state == "disconnected"

        await caller.until(is_disconnected)

    linked(story, **SOON)

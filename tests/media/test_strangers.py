"""Strangers send to the ports of a call, at every stage of it: the call has sound both ways all the same."""

import asyncio
import contextlib
import logging

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.media import strangers
from agent.media.ice.sockets import MOST_REMOTE_ADDRESSES
from agent.media.strangers import Strangers
from bench.rig import junk
from tests.media.link import Link
from tests.media.peers import Talker, WatchedPeer, close, connected_pair, link_up, negotiate, run

KINDS = {
    "alerts": junk.alerts,
    "hellos": junk.hellos,
    "messages": junk.messages,
    "other DTLS": junk.other_dtls,
    "STUN": junk.stun_like,
    "media": junk.media,
}


async def hear_each_other(*peers, packets=5):
    talkers = [Talker(peer) for peer in peers]
    before = [len(peer.packets) for peer in peers]
    waits = (peer.until(lambda p, n=n: len(p.packets) >= n + packets) for peer, n in zip(peers, before, strict=True))
    await asyncio.gather(*waits)
    for talker in talkers:
        talker.stop()


@contextlib.asynccontextmanager
async def linked():
    """A link, and two peers that will be connected through it."""
    link = await Link().open()
    yield link, WatchedPeer(), WatchedPeer()
    link.close()


@pytest.mark.parametrize("kind", KINDS)
def test_packets_that_come_while_it_rings_do_not_end_the_call(kind):
    async def story():
        caller, callee = WatchedPeer(), WatchedPeer()
        async with junk.Stranger() as stranger:
            offer = await caller.create_offer()
            stranger.send(KINDS[kind](), caller)
            answer = await callee.answer_offer(offer)
            stranger.send(KINDS[kind](), callee, caller)
            await asyncio.sleep(0)  # they are read before the answer is
            await caller.apply_answer(answer)
            await hear_each_other(caller, callee)
        await close(caller, callee)

    run(story())


def test_four_calls_have_sound_while_strangers_never_stop():
    async def one_call():
        caller, callee = WatchedPeer(), WatchedPeer()
        async with junk.Stranger() as stranger:
            offer = await caller.create_offer()
            stranger.pester(caller, callee)
            await caller.apply_answer(await callee.answer_offer(offer))
            await hear_each_other(caller, callee)
            await caller.apply_answer(await callee.answer_offer(await caller.create_restart_offer()))
            await caller.until(lambda peer: len(peer.values("selected_pair")) > 1)
            await hear_each_other(caller, callee)
        for peer in (caller, callee):
            assert peer.values("dtls_state") == ["connecting", "connected"]
        await close(caller, callee)

    async def story():
        await asyncio.gather(*(one_call() for _ in range(4)))

    run(story())


def test_packets_in_a_running_call_change_nothing():
    async def story():
        caller, callee = await connected_pair()
        async with junk.Stranger() as stranger:
            stranger.send(junk.everything(), caller, callee)
            await hear_each_other(caller, callee)
        for peer in (caller, callee):
            assert peer.values("dtls_state") == ["connecting", "connected"]
        await close(caller, callee)

    run(story())


@pytest.mark.parametrize("kind", [*KINDS, "unknown"])
@pytest.mark.parametrize("victim", ["caller", "callee"])
def test_packets_under_the_far_ends_address_do_not_end_the_call(kind, victim):
    packets = KINDS.get(kind, junk.everything)()

    async def story():
        async with linked() as (link, caller, callee):
            carry = link.carry

            def carry_after_junk(origin, data):
                """Each packet for the victim, of which the first is the check that verifies the path, has company."""
                if origin != victim and data[0] >= 20:
                    for packet in packets:
                        link.inject(victim, packet)
                carry(origin, data)
                if origin != victim and data[0] < 20:
                    for packet in packets:
                        link.inject(victim, packet)

            link.carry = carry_after_junk
            await link_up(link, caller, callee)
            await asyncio.gather(caller.connected(), callee.connected())
            link.carry = carry
            await hear_each_other(caller, callee)
            for packet in junk.everything():
                link.inject(victim, packet)
            await hear_each_other(caller, callee)
            for peer in (caller, callee):
                assert peer.values("dtls_state") == ["connecting", "connected"]
            await close(caller, callee)

    run(story())


async def record_of_a_call():
    """Every datagram of a call from its first to its last, as somebody sees it who listens on the way."""
    async with linked() as (link, caller, callee):
        link.listening = True
        await link_up(link, caller, callee)
        await asyncio.gather(caller.connected(), callee.connected())
        await hear_each_other(caller, callee)
        await close(caller, callee)
        return [data for _, data in link.carried]


def test_another_calls_packets_from_elsewhere_do_no_harm():
    async def story():
        overheard = await record_of_a_call()
        caller, callee = WatchedPeer(), WatchedPeer()
        async with junk.Stranger() as stranger:
            offer = await caller.create_offer()
            stranger.send(overheard, caller)
            await caller.apply_answer(await callee.answer_offer(offer))
            stranger.send(overheard, caller, callee)
            await hear_each_other(caller, callee)
            stranger.send(overheard, caller, callee)
            await hear_each_other(caller, callee)
        await close(caller, callee)

    run(story())


@pytest.mark.parametrize("victim, kind", [("caller", 1), ("callee", 2), ("callee", 3)])
def test_hello_of_another_call_under_the_far_ends_address_is_got_over(victim, kind):
    async def story():
        overheard = await record_of_a_call()
        forged = next((data for data in overheard if data[0] == 22 and data[13] == kind), junk.hello_verify())
        async with linked() as (link, caller, callee):
            carry = link.carry

            def carry_after_forgery(origin, data):
                if origin != victim and data[0] >= 20:
                    link.carry = carry
                    link.inject(victim, forged)
                carry(origin, data)

            link.carry = carry_after_forgery
            await link_up(link, caller, callee)
            await asyncio.gather(caller.connected(), callee.connected())
            await hear_each_other(caller, callee)
            await close(caller, callee)

    run(story())


def test_genuine_packets_from_an_address_that_passes_no_check_are_not_heard():
    async def story():
        async with linked() as (link, caller, callee), junk.Stranger() as stranger:
            await link_up(link, caller, callee)
            await asyncio.gather(caller.connected(), callee.connected())
            link.carry, held = lambda origin, data: data[0] >= 128 and held.append(data), []
            talker = Talker(caller)
            await caller.until(lambda _: len(held) > 5)
            talker.stop()
            stranger.send(held, callee)
            await callee.until(lambda peer: not peer._secure._early._kept and not peer._secure._early._lost)
            assert callee.packets == []
            await close(caller, callee)

    run(story())


def test_media_from_a_new_address_is_heard_after_its_check_without_a_loss():
    async def story():
        async with linked() as (link, caller, callee):
            await link_up(link, caller, callee)
            await asyncio.gather(caller.connected(), callee.connected())
            talkers = Talker(caller), Talker(callee)
            await callee.until(lambda peer: len(peer.packets) > 5)
            await link.rebind("callee")
            count = len(callee.packets)
            await callee.until(lambda peer: len(peer.packets) > count + 20)
            numbers = [int.from_bytes(packet[0][:4], "big") for packet in callee.packets]
            assert numbers == list(range(numbers[0], numbers[-1] + 1))
            for talker in talkers:
                talker.stop()
            await close(caller, callee)

    run(story())


def test_check_that_is_repeated_from_many_ports_makes_few_candidates():
    async def story():
        async with linked() as (link, caller, callee):
            link.listening = True
            await link_up(link, caller, callee)
            await asyncio.gather(caller.connected(), callee.connected())
            checks = [data for origin, data in link.carried if origin == "caller" and data[:2] == b"\x00\x01"]
            for _ in range(MOST_REMOTE_ADDRESSES + 20):
                async with junk.Stranger() as stranger:
                    stranger.send(checks[:1], callee)
                    await asyncio.sleep(0)
            await hear_each_other(caller, callee)
            assert len(callee._ice.newest.remote_candidates) <= MOST_REMOTE_ADDRESSES
            await close(caller, callee)

    run(story())


# what the log says


def test_log_has_one_line_a_minute_whatever_comes(caplog, monkeypatch):
    monkeypatch.setattr(strangers.strangers, "_told_at", -strangers.PERIOD_S)

    async def story():
        caller, callee = WatchedPeer(), WatchedPeer()
        async with junk.Stranger() as stranger:
            offer = await caller.create_offer()
            stranger.pester(caller, callee)
            await caller.apply_answer(await callee.answer_offer(offer))
            await hear_each_other(caller, callee, packets=60)
        await close(caller, callee)

    with caplog.at_level(logging.DEBUG, logger="agent"):
        run(story())
    assert len([r for r in caplog.records if r.message.startswith("dropped: ")]) == 1
    assert len(caplog.records) < 20, [r.message for r in caplog.records]
    assert max(len(r.message) for r in caplog.records) < 600  # a dozen kinds with their counts, and nothing else


def test_line_counts_kinds_and_addresses(caplog):
    now = 0.0
    told = Strangers(lambda: now)
    with caplog.at_level(logging.INFO):
        told.note("plain DTLS alerts", "10.0.0.1")
        for number in range(500):
            told.note("malformed STUN messages", f"10.0.{number // 250}.{number % 250}")
        now = 61.0
        told.note("plain DTLS alerts", "10.0.0.1")
    assert [r.message for r in caplog.records] == [
        "dropped: 1 plain DTLS alerts, from 10.0.0.1",
        "dropped: 500 malformed STUN messages, 1 plain DTLS alerts, from 256 or more addresses",
    ]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(packets=st.lists(st.binary(max_size=120) | st.sampled_from(junk.everything()), max_size=40), early=st.booleans())
def test_any_packets_at_any_time_leave_the_sound(packets, early):
    async def story():
        caller, callee = WatchedPeer(), WatchedPeer()
        async with junk.Stranger() as stranger:
            if early:
                offer = await caller.create_offer()
                stranger.send(packets, caller)
                await caller.apply_answer(await callee.answer_offer(offer))
            else:
                await negotiate(caller, callee)
            stranger.send(packets, caller, callee)
            await hear_each_other(caller, callee, packets=2)
        await close(caller, callee)

    run(story())

"""ICE restarts below a running call: nothing above ICE may notice."""

import asyncio
import contextlib
import gc
from pathlib import Path

import pytest

from agent.errors import InvalidStateError, SdpError
from tests.media.peers import Talker, close, connected_pair, number_of, run


async def restart(offerer, answerer):
    await offerer.apply_answer(await answerer.answer_offer(await offerer.create_restart_offer()))


async def selected_again(peer, before):
    await peer.until(lambda peer: len(peer.values("selected_pair")) > before)


def gaps(packets):
    numbers = [number_of(packet) for packet in packets]
    return set(range(numbers[0], numbers[-1] + 1)) - set(numbers)


@pytest.mark.parametrize("caller_restarts", [True, False])
def test_restart_on_a_live_path_loses_nothing(caller_restarts):
    async def story():
        caller, callee = await connected_pair()
        talkers = Talker(caller), Talker(callee)
        one, other = (caller, callee) if caller_restarts else (callee, caller)
        await callee.until(lambda peer: len(peer.packets) > 10)
        pairs = [len(peer.values("selected_pair")) for peer in (one, other)]
        await restart(one, other)
        await asyncio.gather(selected_again(one, pairs[0]), selected_again(other, pairs[1]))
        count = len(caller.packets)
        await caller.until(lambda peer: len(peer.packets) > count + 20)
        for peer in (caller, callee):
            assert gaps(peer.packets) == set()
            assert peer.values("dtls_state") == ["connecting", "connected"]
            assert peer.values("ice_connection_state") == ["checking", "connected"]
        for talker in talkers:
            talker.stop()
        await close(caller, callee)

    run(story())


@pytest.mark.parametrize("caller_restarts", [True, False])
def test_restart_revives_a_dead_path(caller_restarts):
    async def story():
        caller, callee = await connected_pair({"disconnected_after_ms": 300}, {"disconnected_after_ms": 300})
        talkers = Talker(caller), Talker(callee)
        one, other = (caller, callee) if caller_restarts else (callee, caller)
        await callee.until(lambda peer: len(peer.packets) > 5)
        caller.sever()
        await asyncio.gather(*(p.until(lambda p: p.ice_connection_state == "disconnected") for p in (caller, callee)))
        heard = {peer: len(peer.packets) for peer in (caller, callee)}
        await restart(one, other)
        await asyncio.gather(*(p.until(lambda p: len(p.packets) > heard[p] + 5) for p in (caller, callee)))
        await asyncio.gather(*(p.until(lambda p: p.ice_connection_state == "connected") for p in (caller, callee)))
        assert caller.values("dtls_state") == ["connecting", "connected"]
        for talker in talkers:
            talker.stop()
        await close(caller, callee)

    run(story())


def test_severed_path_becomes_disconnected_and_then_failed():
    async def story():
        limits = {"disconnected_after_ms": 300, "failed_after_ms": 300}
        caller, callee = await connected_pair(limits, limits)
        callee.sever()
        await asyncio.gather(*(p.until(lambda p: p.ice_connection_state == "failed") for p in (caller, callee)))
        assert caller.values("ice_connection_state")[-3:] == ["connected", "disconnected", "failed"]
        assert caller.values("connection_state")[-3:] == ["connected", "disconnected", "failed"]
        await close(caller, callee)

    run(story())


def test_new_path_that_never_works_fails():
    async def story():
        limits = {"disconnected_after_ms": 300, "failed_after_ms": 300}
        caller, callee = await connected_pair(limits, limits)
        callee.sever()
        offer = await caller.create_restart_offer()
        answer = await callee.answer_offer(offer)
        callee.close()
        await caller.apply_answer(answer)
        await caller.until(lambda peer: peer.ice_connection_state == "failed")
        await close(caller)

    run(story())


def test_unanswered_restart_is_replaced_by_the_next():
    async def story():
        caller, callee = await connected_pair()
        await caller.create_restart_offer()
        before = len(caller.values("selected_pair"))
        await restart(caller, callee)
        await selected_again(caller, before)
        await close(caller, callee)

    run(story())


def test_late_answer_to_an_earlier_restart_does_no_harm():
    async def story():
        caller, callee = await connected_pair()
        first = await caller.create_restart_offer()
        second = await caller.create_restart_offer()
        answers = [await callee.answer_offer(offer) for offer in (first, second)]
        before = len(caller.values("selected_pair"))
        for answer in answers:
            await caller.apply_answer(answer)
        await selected_again(caller, before)
        for answer in answers:
            await caller.apply_answer(answer)
        assert caller.ice_connection_state == "connected"
        talker = Talker(caller)
        heard = len(callee.packets)
        await callee.until(lambda peer: len(peer.packets) > heard + 5)
        talker.stop()
        await close(caller, callee)

    run(story())


def test_restart_before_the_first_answer_is_refused():
    async def story():
        caller, callee = await connected_pair()
        fresh = type(caller)()
        with pytest.raises(InvalidStateError):
            await fresh.create_restart_offer()
        await close(caller, callee, fresh)

    run(story())


def test_both_ends_restart_at_once():
    async def story():
        caller, callee = await connected_pair()
        offers = {caller: await caller.create_restart_offer(), callee: await callee.create_restart_offer()}
        before = {peer: len(peer.values("selected_pair")) for peer in offers}
        strong = max(offers, key=lambda peer: peer._descriptions._local.session_id)
        weak = callee if strong is caller else caller
        with pytest.raises(InvalidStateError):
            await strong.answer_offer(offers[weak])
        await strong.apply_answer(await weak.answer_offer(offers[strong]))
        await asyncio.gather(*(selected_again(peer, before[peer]) for peer in offers))
        await close(caller, callee)

    run(story())


def test_another_certificate_without_a_restart_is_refused():
    async def story():
        caller, callee = await connected_pair()
        offer = caller.local_sdp
        fingerprint = next(x for x in offer.splitlines() if x.startswith("a=fingerprint"))
        with pytest.raises(SdpError, match="certificate"):
            await callee.answer_offer(offer.replace(fingerprint, fingerprint[:-5] + "AA:AA"))
        assert callee.connection_state == "connected"
        await close(caller, callee)

    run(story())


def test_offer_that_restarts_nothing_keeps_the_path():
    async def story():
        caller, callee = await connected_pair()
        local = caller.local_sdp
        answer = await callee.answer_offer(local.replace("a=sendrecv", "a=sendonly"))
        assert "a=recvonly" in answer
        assert len(callee.values("selected_pair")) == 1
        await close(caller, callee)

    run(story())


def open_sockets():
    count = 0
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # the one that lists the folder
            count += str(entry.readlink()).startswith("socket:")
    return count


def test_restarts_leave_nothing_open():
    async def story():
        gc.collect()  # what earlier tests left
        before = open_sockets()
        caller, callee = await connected_pair()
        connected = open_sockets()
        talkers = Talker(caller), Talker(callee)
        for _ in range(4):
            pairs = len(caller.values("selected_pair"))
            await restart(caller, callee)
            await selected_again(caller, pairs)
        await caller.until(lambda peer: open_sockets() <= connected)
        for talker in talkers:
            talker.stop()
        await close(caller, callee)
        await caller.until(lambda peer: open_sockets() <= before)

    run(story())

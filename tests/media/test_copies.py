"""Copies of packets (RED) between real peers, over a link that loses every fifth packet."""

import asyncio

import pytest

from agent.media.settings import MediaSettings
from agent.switchboard.media_leg import MediaLeg
from tests.media.link import Link
from tests.media.peers import WatchedPeer, close, run

TWENTY_MS = b"\x08"  # the first byte of an Opus packet that lasts so long
COUNTED = 300


class Speaker:
    """Sends numbered packets that could be Opus."""

    def __init__(self, peer):
        self._task = asyncio.get_running_loop().create_task(self._speak(peer))

    async def _speak(self, peer):
        for number in range(10**6):
            peer.rtp.send(TWENTY_MS + number.to_bytes(4, "big") + bytes(60), number * 960, False, "opus")
            await asyncio.sleep(0.02)

    def stop(self):
        self._task.cancel()


def numbers(peer):
    return [int.from_bytes(payload[1:5], "big") for payload, *_ in peer.packets]


def missing_of(heard):
    """The share of the numbers in between that never came."""
    return 1 - len(set(heard)) / (max(heard) - min(heard) + 1)


def without_copies(sdp):
    """A description as of a far end that does not know them."""
    lines = [line for line in sdp.splitlines(keepends=True) if not line.startswith(("a=rtpmap:63 ", "a=fmtp:63 "))]
    return "".join(line.replace(" 63 ", " ") if line.startswith("m=audio ") else line for line in lines)


async def through_two_legs(offers, answers, spoiled):
    """Two clients that a switchboard lets hear each other: it offers to one, and answers the other.

    `offers` and `answers` may change what the client itself describes; one way of the link `spoiled` loses packets.
    """
    legs = [MediaLeg(MediaSettings(), lambda alive: None, lambda: None) for _ in range(2)]
    caller, callee = WatchedPeer(), WatchedPeer()
    links = {name: await Link(seed=6).open() for name in ("caller", "callee")}
    answer = await legs[0].answer(links["caller"].through(offers(await caller.create_offer()), "callee"), ("opus",))
    await caller.apply_answer(links["caller"].through(answer, "caller"))
    offer = await legs[1].offer(("opus",))
    answer = answers(await callee.answer_offer(links["callee"].through(offer, "callee")))
    await legs[1].accept(links["callee"].through(answer, "caller"))
    await asyncio.gather(caller.connected(), callee.connected())
    legs[0].join(legs[1])
    links[spoiled].loss["caller"] = 0.2
    return legs, caller, callee


async def missing_at_the_end(legs, caller, callee, copying):
    """What never comes through, once `copying` sends copies."""
    speaker, other = Speaker(caller), Speaker(callee)
    await callee.until(lambda _: copying._loss.copies == 2)
    callee.packets.clear()
    await callee.until(lambda peer: len(peer.packets) >= COUNTED)
    missing = missing_of(numbers(callee))
    speaker.stop()
    other.stop()
    for leg in legs:
        await leg.close()
    await close(caller, callee)
    return missing


def same(sdp):
    return sdp


@pytest.mark.parametrize("described", [same, without_copies])
def test_copies_bring_what_is_lost_where_they_were_negotiated(described):
    async def story():
        link = await Link(seed=5).open()
        caller, callee = WatchedPeer(), WatchedPeer()
        answer = await callee.answer_offer(link.through(described(await caller.create_offer()), "callee"))
        await caller.apply_answer(link.through(answer, "caller"))
        await asyncio.gather(caller.connected(), callee.connected())
        link.loss["caller"] = 0.2
        speaker = Speaker(caller)
        await caller.until(lambda peer: peer.rtp._loss.copies == 2)
        callee.packets.clear()
        await callee.until(lambda peer: len(peer.packets) >= COUNTED)
        speaker.stop()
        missing = missing_of(numbers(callee))
        assert missing < 0.05 if described is same else missing > 0.1
        assert len(numbers(callee)) == len(set(numbers(callee)))
        assert {codec for _, _, _, codec in callee.packets} == {"opus"}
        await close(caller, callee)

    run(story())


def test_what_is_lost_on_the_way_to_the_switchboard_is_passed_on_out_of_copies_to_a_client_that_takes_none():
    async def story():
        legs, caller, callee = await through_two_legs(same, without_copies, spoiled="caller")
        assert await missing_at_the_end(legs, caller, callee, caller.rtp) < 0.05

    run(story())


def test_the_switchboard_sends_copies_to_whom_it_offered_some_though_it_gets_none():
    async def story():
        legs, caller, callee = await through_two_legs(without_copies, same, spoiled="callee")
        assert await missing_at_the_end(legs, caller, callee, legs[1]._peer.rtp) < 0.05

    run(story())

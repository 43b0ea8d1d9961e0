"""Copies of packets (RED) between real peers, over a link that loses every fifth packet."""

import asyncio

import pytest

from agent.media.settings import MediaSettings
from agent.switchboard.media_leg import MediaLeg
from tests.media.link import Link
from tests.media.peers import WatchedPeer, close, linked_pair, run

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


@pytest.mark.parametrize("for_sip", [True, False])
def test_copies_bring_what_is_lost_where_they_were_negotiated(for_sip):
    async def story():
        link = await Link(seed=5).open()
        caller, callee = await linked_pair(link, for_sip=for_sip)
        link.loss["caller"] = 0.2
        speaker = Speaker(caller)
        await caller.until(lambda peer: peer.rtp._loss.copies == 2)
        callee.packets.clear()
        await callee.until(lambda peer: len(peer.packets) >= COUNTED)
        speaker.stop()
        missing = missing_of(numbers(callee))
        assert missing < 0.05 if for_sip else missing > 0.1
        assert len(numbers(callee)) == len(set(numbers(callee)))
        assert {codec for _, _, _, codec in callee.packets} == {"opus"}
        await close(caller, callee)

    run(story())


def test_leg_of_the_switchboard_takes_and_sends_copies():
    """What is lost on the way to the switchboard is passed on out of the copies, to a client that takes none."""

    async def story():
        legs = [MediaLeg(MediaSettings(), lambda alive: None, lambda: None) for _ in range(2)]
        clients = [WatchedPeer(for_sip=True), WatchedPeer()]
        link = await Link(seed=6).open()
        for leg, client, through in zip(legs, clients, (link, None), strict=True):
            offer = await client.create_offer()
            answer = await leg.answer(through.through(offer, "callee") if through else offer, ("opus",))
            assert ("red/48000/2" in answer) is (client is clients[0])
            await client.apply_answer(through.through(answer, "caller") if through else answer)
        await asyncio.gather(*(client.connected() for client in clients))
        legs[0].join(legs[1])
        link.loss["caller"] = 0.2
        speaker, other = Speaker(clients[0]), Speaker(clients[1])
        await clients[0].until(lambda peer: peer.rtp._loss.copies == 2)
        clients[1].packets.clear()
        await clients[1].until(lambda peer: len(peer.packets) >= COUNTED)
        assert missing_of(numbers(clients[1])) < 0.05
        speaker.stop()
        other.stop()
        for leg in legs:
            await leg.close()
        await close(*clients)

    run(story())

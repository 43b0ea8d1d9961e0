"""A far end that is ICE-lite, as media gateways are: it answers checks and makes none (RFC 8445 section 2.5)."""

import asyncio

import pytest
from aioice.ice import CandidatePair

import agent.media.ice.transport
from agent.media.ice.aioice_adapter import Generation
from tests.media.peers import Talker, WatchedPeer, close, run


class LiteGeneration(Generation):
    """Takes whatever pair a valid check comes from, once it is nominated."""

    def check_start_task(self, pair):
        pair.state = CandidatePair.State.SUCCEEDED

    async def connect(self):
        self._early_checks_done = True
        for early_check in self._early_checks:
            self.check_incoming(*early_check)

    def check_incoming(self, message, addr, protocol):
        super().check_incoming(message, addr, protocol)
        self.answered_at = self.heard_at


class LitePeer(WatchedPeer):
    """A peer that says so in its descriptions."""

    @staticmethod
    def say(sdp):
        return sdp.replace("s=-\r\n", "s=-\r\na=ice-lite\r\n")

    async def create_offer(self):
        return self.say(await super().create_offer())

    async def answer_offer(self, sdp):
        return self.say(await super().answer_offer(sdp))


@pytest.fixture
def gateway(monkeypatch):
    """Makes a lite peer; those made without it are full ones."""

    def make():
        peer = LitePeer()
        original = peer._ice.new_generation

        async def new_generation(controlling):
            with monkeypatch.context() as patch:
                patch.setattr(agent.media.ice.transport, "Generation", LiteGeneration)
                return await original(False)

        peer._ice.new_generation = new_generation
        return peer

    return make


async def talk_both_ways(one, other):
    talkers = Talker(one), Talker(other)
    heard = {peer: len(peer.packets) for peer in (one, other)}
    await asyncio.gather(*(p.until(lambda p: len(p.packets) > heard[p] + 5) for p in (one, other)))
    for talker in talkers:
        talker.stop()


@pytest.mark.parametrize("gateway_offers", [False, True])
def test_call_with_a_gateway(gateway, gateway_offers):
    async def story():
        box, far = WatchedPeer(), gateway()
        one, other = (far, box) if gateway_offers else (box, far)
        await one.apply_answer(await other.answer_offer(await one.create_offer()))
        await asyncio.gather(box.connected(), far.connected())
        assert box._ice.role == "controlling"
        await talk_both_ways(box, far)
        await close(box, far)

    run(story())


def test_restart_towards_a_gateway(gateway):
    async def story():
        box, far = WatchedPeer(), gateway()
        await box.apply_answer(await far.answer_offer(await box.create_offer()))
        await asyncio.gather(box.connected(), far.connected())
        await box.apply_answer(await far.answer_offer(await box.create_restart_offer()))
        await box.until(lambda peer: len(peer.values("selected_pair")) == 2)
        await talk_both_ways(box, far)
        await close(box, far)

    run(story())

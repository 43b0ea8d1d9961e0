"""Calls with Chromium as the far end: the stack that our descriptions are made to look like."""

import asyncio
import shutil
from contextlib import asynccontextmanager

import numpy as np
import pytest

from bench.rig.browser import browser
from tests.media.peers import WatchedPeer, close, run

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="Chromium is not installed"),
]


REPORTED = """
for (const stat of (await pc.getStats()).values()) if (stat.type === 'remote-inbound-rtp' && stat.roundTripTime)
  return {lost: stat.packetsLost, seconds: stat.roundTripTime};
return null;
"""


class Sounding(WatchedPeer):
    """A peer with a 440 Hz microphone and an ear."""

    def __init__(self, **settings):
        super().__init__(**settings)
        samples = np.arange(48_000)
        self._tone = (8_000 * np.sin(2 * np.pi * 440 * samples / 48_000)).astype(np.int16).tobytes()
        self.heard = []
        self.rtp.listen()
        self._task = asyncio.get_running_loop().create_task(self._beat())

    async def _beat(self):
        start, number = asyncio.get_running_loop().time(), 0
        while True:
            at = number % 50 * 1920
            self.rtp.push_pcm(self._tone[at : at + 1920])
            self.heard.append(np.abs(np.frombuffer(self._pull(), np.int16)).max())
            number += 1
            await asyncio.sleep(max(0, start + number * 0.02 - asyncio.get_running_loop().time()))

    def _pull(self):
        receiver = self.rtp.receiver
        return receiver.pull(asyncio.get_running_loop().time(), 960) if receiver is not None else bytes(1920)

    async def until_hears(self):
        """Chromium's fake microphone beeps once a second."""
        self.heard.clear()
        await self.until(lambda peer: len(peer.heard) > 50 and max(peer.heard) > 1_000)

    def close(self):
        self._task.cancel()
        super().close()


async def both_hear(peer, page):
    await asyncio.gather(peer.until_hears(), page.until_hears())


@asynccontextmanager
async def call_of_chromium(**settings):
    """Chromium calls a peer with these settings: both, and at the end the peer is closed."""
    async with browser() as page:
        peer = Sounding(**settings)
        await page.set_up()
        await page.apply("answer", await peer.answer_offer(await page.create_offer()))
        yield peer, page
        await close(peer)


@pytest.mark.parametrize("codecs, name", [(("opus", "pcmu"), "opus"), (("pcmu", "opus"), "PCMU")])
def test_chromium_calls_us(codecs, name):
    async def story():
        async with call_of_chromium(codec_preferences=codecs) as (peer, page):
            await peer.connected()
            assert peer.rtp.negotiated_codec == name
            await both_hear(peer, page)

    run(story())


@pytest.mark.parametrize("codecs, name", [(("opus", "pcmu"), "opus"), (("pcmu", "opus"), "PCMU")])
def test_we_call_chromium(codecs, name):
    async def story():
        async with browser() as page:
            peer = Sounding(codec_preferences=codecs)
            await page.set_up()
            answer = await page.answer(await peer.create_offer())
            assert "a=candidate" not in answer
            await peer.apply_answer(answer)
            await peer.connected()
            assert peer.rtp.negotiated_codec == name
            await both_hear(peer, page)
            await close(peer)

    run(story())


def test_chromium_restarts():
    async def story():
        async with call_of_chromium() as (peer, page):
            await both_hear(peer, page)
            before = await page.inbound()
            for _ in range(3):
                pairs = len(peer.values("selected_pair"))
                offer = await page.create_offer("{iceRestart: true}")
                await page.apply("answer", await peer.answer_offer(offer))
                await peer.until(lambda peer, pairs=pairs: len(peer.values("selected_pair")) > pairs)
            await both_hear(peer, page)
            after = await page.inbound()
            assert after["ssrc"] == before["ssrc"]
            assert peer.values("dtls_state") == ["connecting", "connected"]

    run(story())


def test_we_restart_towards_chromium():
    async def story():
        async with browser() as page:
            peer = Sounding(disconnected_after_ms=500)
            await page.set_up()
            await peer.apply_answer(await page.answer(await peer.create_offer()))
            await both_hear(peer, page)
            for sever in (False, True):
                if sever:
                    peer.sever()
                    await peer.until(lambda peer: peer.ice_connection_state == "disconnected")
                pairs = len(peer.values("selected_pair"))
                await peer.apply_answer(await page.answer(await peer.create_restart_offer()))
                await peer.until(lambda peer, pairs=pairs: len(peer.values("selected_pair")) > pairs)
                await both_hear(peer, page)
            assert peer.values("dtls_state") == ["connecting", "connected"]
            await close(peer)

    run(story())


def test_repeated_restarts_of_chromium_back_to_back():
    async def story():
        async with call_of_chromium() as (peer, page):
            await both_hear(peer, page)
            offers = [await page.create_offer("{iceRestart: true}") for _ in range(3)]
            answers = [await peer.answer_offer(offer) for offer in offers]
            await page.apply("answer", answers[-1])
            await both_hear(peer, page)

    run(story())


def test_digits_of_chromium_arrive():
    async def story():
        async with call_of_chromium() as (peer, page):
            await both_hear(peer, page)
            assert await page.run("return sender.dtmf.canInsertDTMF")
            await page.run("sender.dtmf.insertDTMF('159#', 160, 70)")
            await peer.until(lambda peer: len(peer.values("digit")) >= 4)
            assert peer.values("digit") == ["1", "5", "9", "#"]

    run(story())


def test_reports_are_understood_both_ways():
    async def story():
        async with call_of_chromium() as (peer, page):
            await peer.until(lambda peer: peer.rtp._session.rtcp.rtt_ms is not None)
            async with asyncio.timeout(15):
                while (reported := await page.run(REPORTED)) is None:
                    await asyncio.sleep(0.2)
            assert reported["lost"] == 0 and 0 <= reported["seconds"] < 1

    run(story())


def test_silent_microphone_still_counts_as_a_stream():
    async def story():
        async with browser() as page:
            peer = WatchedPeer()
            await page.set_up()
            await page.apply("answer", await peer.answer_offer(await page.create_offer()))
            await peer.connected()
            for _ in range(50):
                peer.rtp.push_pcm(bytes(1920))
                await asyncio.sleep(0.02)
            assert (await page.inbound())["packets"] >= 40
            await close(peer)

    run(story())

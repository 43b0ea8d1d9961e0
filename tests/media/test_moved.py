"""A far end that moves to another machine within the call: another certificate, other ICE credentials (RFC 8842)."""

import asyncio

import numpy as np
import pytest
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame

from agent.errors import SdpError
from agent.media.dtls import srtp_transport
from agent.media.dtls.aiortc_adapter import new_certificate
from agent.media.settings import MediaSettings
from agent.switchboard.media_leg import MediaLeg
from hw.sound.frame import FRAME_SAMPLES, RATE_HZ
from tests.media.certificates import rsa_certificate
from tests.media.peers import Talker, WatchedPeer, close, negotiate, run
from tests.media.sounds import rms

QUICK = {"disconnected_after_ms": 300, "failed_after_ms": 300}


async def talk(one, other):
    """Both hear what the other sends from now on."""
    talkers = Talker(one), Talker(other)
    heard = {peer: len(peer.packets) for peer in (one, other)}
    await asyncio.gather(*(p.until(lambda p: len(p.packets) > heard[p] + 5) for p in (one, other)))
    for talker in talkers:
        talker.stop()


async def call(**settings):
    """A box in a call through an engine."""
    box, engine = WatchedPeer(**settings), WatchedPeer(**settings)
    await negotiate(box, engine)
    await asyncio.gather(box.connected(), engine.connected())
    await talk(box, engine)
    return box, engine


async def move(box, engine, *, box_offers=True, box_is_client=False):
    """Negotiate with a new engine."""
    if box_offers:
        offer = await box.create_restart_offer()
        if box_is_client:
            offer = offer.replace("a=setup:actpass", "a=setup:active")
        await box.apply_answer(await engine.answer_offer(offer))
    else:
        offer = await engine.create_offer()
        if not box_is_client:
            offer = offer.replace("a=setup:actpass", "a=setup:active")
        await engine.apply_answer(await box.answer_offer(offer))


def mute(engine):
    """The process of that engine is killed."""
    engine.sever()
    engine._timer.cancel()


@pytest.mark.parametrize("box_is_client", [True, False])
@pytest.mark.parametrize("box_offers", [True, False])
def test_call_goes_on_through_another_engine_when_the_first_is_killed(box_offers, box_is_client):
    async def story():
        box, engine = await call(**QUICK)
        before, ssrc, sent = box.stats(), box.rtp.ssrc, box.rtp._session._numbers._last
        mute(engine)
        await box.until(lambda peer: peer.ice_connection_state == "disconnected")
        other = WatchedPeer()
        await move(box, other, box_offers=box_offers, box_is_client=box_is_client)
        await asyncio.gather(box.connected(), other.connected())
        await talk(box, other)
        assert box.values("dtls_state") == ["connecting", "connected", "connecting", "connected"]
        assert other.rtp._session.received.ssrc == ssrc
        assert 0 < (box.rtp._session._numbers._last - sent) & 0xFFFF < 500
        assert box.stats().packets_received > before.packets_received + 5
        assert box.stats().packets_sent > before.packets_sent
        assert box.values("track") == [()]
        await close(box, engine, other)

    run(story())


@pytest.mark.parametrize("box_offers", [True, False])
def test_first_engine_is_heard_until_the_second_one_is(box_offers):
    async def story():
        box, engine = await call()
        talkers = Talker(engine), Talker(box)
        other = WatchedPeer()
        heard = len(box.packets), len(engine.packets)
        await move(box, other, box_offers=box_offers)
        await asyncio.gather(box.until(lambda p: p.values("dtls_state").count("connected") == 2), other.connected())
        assert box.values("ice_connection_state") == ["checking", "connected"]
        await box.until(lambda peer: len(peer.packets) > heard[0] + 5)  # nobody speaks at the second one yet
        assert len(engine.packets) >= heard[1]
        await talk(box, other)
        count = len(box.packets)
        rejected = box._secure.rejected
        await box.until(lambda peer: peer._secure.rejected > rejected + 3)  # the first one still talks
        assert len(box.packets) == count
        for talker in talkers:
            talker.stop()
        await close(box, engine, other)

    run(story())


@pytest.mark.parametrize("make", [rsa_certificate, new_certificate])
@pytest.mark.parametrize("box_is_client", [True, False])
@pytest.mark.parametrize("box_offers", [True, False])
def test_engine_that_is_started_again_with_its_certificate_is_taken_up(monkeypatch, make, box_offers, box_is_client):
    async def story():
        certificate = make()
        box = WatchedPeer(**QUICK)
        monkeypatch.setattr(srtp_transport, "new_certificate", lambda: certificate)
        engine = WatchedPeer(**QUICK)
        await move_first(box, engine, box_is_client)
        mute(engine)
        await box.until(lambda peer: peer.ice_connection_state == "disconnected")
        again = WatchedPeer()
        await move(box, again, box_offers=box_offers, box_is_client=box_is_client)
        await asyncio.gather(box.connected(), again.connected())
        await talk(box, again)
        assert box.values("dtls_state") == ["connecting", "connected"]
        await close(box, engine, again)

    run(story())


async def move_first(box, engine, box_is_client):
    offer = await box.create_offer()
    if box_is_client:
        offer = offer.replace("a=setup:actpass", "a=setup:active")
    await box.apply_answer(await engine.answer_offer(offer))
    await asyncio.gather(box.connected(), engine.connected())
    await talk(box, engine)


def forged(sdp):
    wrong = ":".join(["00"] * 32)
    return "".join(f"a=fingerprint:sha-256 {wrong}\r\n" if "a=fingerprint" in x else x for x in sdp.splitlines(True))


def test_engine_with_another_certificate_than_it_names_is_not_heard_and_the_next_one_is():
    async def story():
        box, engine = await call(**QUICK)
        mute(engine)
        false = WatchedPeer()
        await box.apply_answer(forged(await false.answer_offer(await box.create_restart_offer())))
        await box.until(lambda peer: peer.connection_state == "failed")
        count = len(box.packets)
        await false.until(lambda peer: "connected" in peer.values("dtls_state"))
        assert false.rtp.send(b"spoofed", 0, False, "opus")
        rejected = box._secure.rejected
        await box.until(lambda peer: peer._secure.rejected > rejected)
        assert len(box.packets) == count
        third = WatchedPeer()
        await move(box, third)
        await asyncio.gather(box.connected(), third.connected())
        await talk(box, third)
        await close(box, engine, false, third)

    run(story())


@pytest.mark.parametrize("answered", [True, False])
def test_second_engine_is_killed_before_it_was_reached(answered):
    async def story():
        box, engine = await call(**QUICK)
        mute(engine)
        second, third = WatchedPeer(), WatchedPeer()
        answer = await second.answer_offer(await box.create_restart_offer())
        mute(second)
        if answered:
            await box.apply_answer(answer)
        await move(box, third)
        await asyncio.gather(box.connected(), third.connected())
        await talk(box, third)
        assert box.values("dtls_state") == ["connecting", "connected", "connecting", "connected"]
        await close(box, engine, second, third)

    run(story())


def test_second_engine_is_killed_in_its_handshake():
    async def story():
        box, engine = await call(**QUICK)
        mute(engine)
        second, third = WatchedPeer(), WatchedPeer()
        second._secure._associations.receive = lambda *packet: None  # it answers checks, and nothing else
        await move(box, second)
        await box.until(lambda peer: peer.values("dtls_state")[-1] == "connecting")
        await move(box, third)
        await asyncio.gather(box.until(lambda peer: peer.values("dtls_state")[-1] == "connected"), third.connected())
        await talk(box, third)
        await close(box, engine, second, third)

    run(story())


def test_call_that_comes_back_to_the_first_engine_goes_on_with_what_both_know():
    async def story():
        box, engine = await call()
        second = WatchedPeer()
        answer = await second.answer_offer(await box.create_restart_offer())
        mute(second)
        await box.apply_answer(answer)
        await move(box, engine)
        await box.until(lambda peer: len(peer.values("selected_pair")) == 2)
        await talk(box, engine)
        assert box.values("dtls_state") == ["connecting", "connected"]
        await close(box, engine, second)

    run(story())


def test_goodbye_of_the_first_engine_does_not_end_the_call():
    async def story():
        box, engine = await call()
        other = WatchedPeer()
        answer = await other.answer_offer(await box.create_restart_offer())
        engine.close()
        await box.until(lambda peer: peer.values("dtls_state")[-1] == "closed")
        await box.apply_answer(answer)
        await asyncio.gather(box.until(lambda peer: peer.values("dtls_state")[-1] == "connected"), other.connected())
        await talk(box, other)
        await close(box, engine, other)

    run(story())


def test_many_engines_one_after_the_other_leave_one_stream():
    async def story():
        box, engine = await call()
        engines, ssrc = [engine], box.rtp.ssrc
        for number in range(4):
            engines.append(WatchedPeer())
            await move(box, engines[-1], box_offers=number % 2 == 0)
            await engines[-1].connected()
            await talk(box, engines[-1])
            assert engines[-1].rtp._session.received.ssrc == ssrc
        assert box.stats().packets_received >= 25
        await close(box, *engines)

    run(story())


def test_another_certificate_with_the_same_credentials_is_refused_and_changes_nothing():
    async def story():
        box, engine = await call()
        with pytest.raises(SdpError, match="ICE credentials"):
            await box.answer_offer(forged(engine.local_sdp))
        await talk(box, engine)
        await close(box, engine)

    run(story())


def test_leg_of_the_switchboard_is_not_taken_to_another_certificate_by_a_restart():
    async def story():
        client, other = WatchedPeer(), WatchedPeer()
        leg = MediaLeg(MediaSettings(), lambda alive: None, lambda: None)
        await client.apply_answer(await leg.answer(await client.create_offer(), ("opus",)))
        await client.connected()
        with pytest.raises(SdpError, match="changed its certificate within the call"):
            await leg.restart(await other.create_offer())
        await client.apply_answer(await leg.restart(await client.create_restart_offer()))
        await client.until(lambda peer: len(peer.values("selected_pair")) == 2)
        await leg.close()
        await close(client, other)

    run(story())


class ToneTrack(MediaStreamTrack):
    """What an engine of another make says."""

    kind = "audio"

    def __init__(self, hz):
        super().__init__()
        self._hz, self._count = hz, 0

    async def recv(self):
        await asyncio.sleep(0.02)
        time = (np.arange(FRAME_SAMPLES) + self._count * FRAME_SAMPLES) / RATE_HZ
        sound = (8_000 * np.sin(2 * np.pi * self._hz * time)).astype(np.int16)
        frame = AudioFrame.from_ndarray(sound[np.newaxis], format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE_HZ, self._count * FRAME_SAMPLES
        self._count += 1
        return frame


class Engine:
    """An engine that is aiortc's."""

    def __init__(self, hz):
        self.connection = RTCPeerConnection()
        self.connection.addTrack(ToneTrack(hz))
        self.heard = []
        self.connection.on("track", lambda track: setattr(self, "task", asyncio.ensure_future(self._hear(track))))

    async def _hear(self, track):
        try:
            while True:
                frame = await track.recv()
                channels = len(frame.layout.channels)
                self.heard.append(frame.to_ndarray().reshape(-1, channels)[:, 0])
        except MediaStreamError:
            pass

    async def answer(self, offer):
        await self.connection.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await self.connection.setLocalDescription(await self.connection.createAnswer())
        return self.connection.localDescription.sdp

    async def kill(self):
        for transceiver in self.connection.getTransceivers():
            await transceiver.sender.transport.transport.stop()


class Box:
    """A box that says a tone, and hears."""

    def __init__(self, hz):
        self.peer, self.heard, self._hz = WatchedPeer(), [], hz
        self.peer.rtp.listen()
        self._task = asyncio.ensure_future(self._run())

    async def _run(self):
        loop = asyncio.get_running_loop()
        began = loop.time()
        for count in range(10_000):
            time = (np.arange(FRAME_SAMPLES) + count * FRAME_SAMPLES) / RATE_HZ
            self.peer.rtp.push_pcm((8_000 * np.sin(2 * np.pi * self._hz * time)).astype(np.int16).tobytes())
            if self.peer.rtp.receiver is not None:
                self.heard.append(np.frombuffer(self.peer.rtp.receiver.pull(loop.time()), np.int16))
            await asyncio.sleep(began + count * 0.02 - loop.time())

    def stop(self):
        self._task.cancel()


SAID = 8_000 / np.sqrt(2)  # rms
SAID_BY_AN_ENGINE = SAID / np.sqrt(2)  # aiortc makes two channels of its one, each 3 dB lower


def hears(heard, hz, level):
    """Whether the last 200 ms are that tone, as loud as it was said."""
    sound = np.concatenate(heard[-10:]).astype(float) if len(heard) >= 10 else np.zeros(9_600)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return rms(sound) == pytest.approx(level, rel=0.1) and abs(np.argmax(spectrum) * RATE_HZ / len(sound) - hz) < 10


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.05)


def test_sound_is_back_both_ways_when_an_engine_of_another_make_is_killed():
    async def story():
        box, first, second = Box(440), Engine(700), Engine(1_000)
        await box.peer.apply_answer(await first.answer(await box.peer.create_offer()))
        await until(lambda: hears(box.heard, 700, SAID_BY_AN_ENGINE) and hears(first.heard, 440, SAID))
        await first.kill()
        await box.peer.apply_answer(await second.answer(await box.peer.create_restart_offer()))
        await until(lambda: hears(box.heard, 1_000, SAID_BY_AN_ENGINE) and hears(second.heard, 440, SAID))
        assert box.peer.values("dtls_state")[-2:] == ["connecting", "connected"]
        box.stop()
        await close(box.peer)
        for engine in (first, second):
            await engine.connection.close()

    run(story())

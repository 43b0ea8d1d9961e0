"""What leaves an endpoint is the same, packet by packet and in the counters of its reports, whichever way it takes."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from agent.media.native import core
from agent.media.rtp.packet import RtpPacket, parse_rtp
from agent.media.rtp.red import unpack
from agent.media.rtp_endpoint import RtpEndpoint
from agent.media.sdp.offer_answer import Agreement, OfferAnswer
from agent.media.sdp.parse import USUAL_RED, IceParameters
from agent.media.settings import MediaSettings
from tests.media.native.test_core import Ends
from tests.media.peers import run
from tests.media.sounds import frames, voice

SOUND = frames(voice(2.0))
STEPS = 150


class Wire:
    """Encrypts with real keys, and notes what its far end can read; in the place of a transport with DTLS."""

    def __init__(self, ends: Ends, native: bool) -> None:
        self._ends = ends
        self.core = ends.core if native else None
        self.may_send, self.path_state = True, "connected"
        self.heard: list[RtpPacket] = []
        ends.far.setblocking(False)

    def collect(self) -> None:
        """Nothing comes."""

    def read(self) -> None:
        """Take what came by way of the core."""
        while True:
            try:
                data = self._ends.far.recv(2_048)
            except BlockingIOError:
                return
            self._note(data)

    def send_rtp(self, data: bytes) -> bool:
        self.read()
        self._note(self._ends.outbound.protect(data))
        return True

    def send_rtcp(self, _data: bytes) -> bool:
        return True

    def _note(self, data: bytes) -> None:
        packet = parse_rtp(self._ends.reference.unprotect(data))
        assert packet is not None
        self.heard.append(packet)


def agreements(settings: MediaSettings) -> list[Agreement]:
    ice = IceParameters("abcd", "x" * 24)
    caller, callee = (OfferAnswer(settings, ("sha-256", "AA"), 1, "us") for _ in range(2))
    whole = callee.answer(callee.read(caller.offer(ice)), ice)[1]
    return [whole, replace(whole, red_codec=None), replace(whole, event_codec=None), replace(whole, may_send=False)]


def story(seed: int) -> tuple[MediaSettings, list[tuple[bytes, bytes, str, float]]]:
    """Settings, and each frame with a signal over it and what happens before it."""
    chance = random.Random(seed)
    settings = MediaSettings(packet_ms=chance.choice([20, 20, 20, 40]), opus_dtx=chance.random() < 0.5,
                             opus_bitrate=chance.choice([16_000, 24_000, 64_000]))  # fmt: skip
    happens = ["loss", "agree", "dial", "mute", *[""] * 30]
    return settings, [
        (chance.choice(SOUND) if chance.random() < 0.7 else bytes(1920), chance.choice([b""] * 19 + [SOUND[9]]),
         chance.choice(happens), chance.random()) for _ in range(STEPS)
    ]  # fmt: skip


def play(loaded: core.Verdict, native: bool, seed: int) -> tuple[list[RtpPacket], tuple[int, int]]:
    """What the far end hears of it, and what would be reported of the packets: how many, and their octets."""
    settings, steps = story(seed)
    agreed = agreements(settings)

    async def speak() -> tuple[list[RtpPacket], tuple[int, int]]:
        with Ends(loaded) as ends:
            wire = Wire(ends, native)
            endpoint = RtpEndpoint(settings, wire, lambda *_: None)
            endpoint.agree(agreed[0])
            for frame, signal, happens, share in steps:
                match happens:
                    case "loss":
                        endpoint._session.rtcp.read = lambda *_, share=share: share / 3
                        endpoint._take_rtcp(b"", 0.0)
                    case "agree":
                        endpoint.agree(agreed[int(share * len(agreed))])
                    case "dial":
                        endpoint.insert_dtmf("5")
                    case "mute":
                        endpoint.mute(share < 0.5)
                endpoint.push_pcm(frame, signal)
            wire.read()
            sent = endpoint._session.sent
            return wire.heard, (sent.packets, sent.octets)

    return run(speak())


def itself(packet: RtpPacket) -> tuple[int, bool, bytes]:
    """Type, marker and payload of a packet without copies of others."""
    blocks = unpack(packet.payload) if packet.payload_type == USUAL_RED else ()
    own = (blocks[-1].payload_type, blocks[-1].payload) if blocks else (packet.payload_type, packet.payload)
    return own[0], packet.marker, own[1]


@pytest.mark.parametrize("seed", range(12))
def test_both_ways_say_the_same_and_count_it_alike(loaded, seed):
    """Through losses, new agreements, digits and mutes; only copies wait for a packet more after a native one."""
    (native, of_native), (python, of_python) = (play(loaded, way, seed) for way in (True, False))
    assert [itself(packet) for packet in native] == [itself(packet) for packet in python]
    for heard in (native, python):
        assert [packet.sequence - heard[0].sequence & 0xFFFF for packet in heard] == list(range(len(heard)))
    carried = [sum(len(packet.payload) for packet in heard) for heard in (native, python)]
    assert [of_native, of_python] == [(len(native), carried[0]), (len(python), carried[1])]


@pytest.mark.parametrize("seed", range(12))
def test_the_last_copy_is_always_of_the_packet_just_before(loaded, seed):
    """Who forwards a stream finds the place of a copy so."""
    for native in (True, False):
        before: RtpPacket | None = None
        for packet in play(loaded, native, seed)[0]:
            blocks = unpack(packet.payload) if packet.payload_type == USUAL_RED else ()
            if blocks:
                assert before is not None
                assert blocks[-2].payload == itself(before)[2]
            before = packet

"""The media of clients in tests: speaks a tone, hears what comes; and calls between two of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np

from agent.media.codec.g711 import G711Decoder
from agent.media.codec.opus import OpusDecoder
from agent.media.codec.sender import AudioSender
from agent.media.codec.telephone_event import EventReceiver, EventSender
from agent.media.peer import Peer
from agent.media.settings import MediaSettings
from hw.sound.frame import FRAME_SAMPLES, RATE_HZ

from .phones import Phone


class Talker:
    """A client's media: speaks a tone, and hears what comes."""

    def __init__(self, *codecs: str) -> None:
        self.peer = Peer(MediaSettings(codec_preferences=codecs or ("opus", "pcmu")))
        self.peer.rtp.on_rtp = self._hear
        self.heard: dict[str, int] = {}
        self.digits = ""
        self._sound: list[bytes] = []
        self._decoders: dict[str, Any] = {"opus": OpusDecoder(), "PCMU": G711Decoder("PCMU")}
        self._events = EventReceiver(8000)
        self._task: asyncio.Task[None] | None = None

    def speak(self, hz: int) -> None:
        """Send this tone from now on."""
        self._task = asyncio.create_task(self._speak(hz))

    async def hears(self, hz: int) -> bool:
        """Wait until half a second of sound has arrived; whether it is this tone."""
        start = len(self._sound)
        await until(lambda: len(self._sound) >= start + 25)
        pcm = np.frombuffer(b"".join(self._sound[start + 5 :]), np.int16).astype(float)
        spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm))))
        loudest = float(np.argmax(spectrum)) * RATE_HZ / len(pcm)
        return abs(loudest - hz) < 15 and float(np.sqrt(np.mean(pcm**2))) > 500

    async def dial(self, digits: str) -> None:
        """Send telephone-events."""
        events, time = EventSender(8000, 8000), 0
        events.insert(digits, 60, 40)
        packets, sounding = [], True
        while events.pending or packets or sounding:
            packets, sounding = events.step(time, 160)
            time += 160
            for packet in packets:
                self.peer.rtp.send(packet.payload, packet.start, packet.marker, "telephone-event")
            await asyncio.sleep(0.02)

    def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self.peer.close()

    def _hear(self, payload: bytes, timestamp: int, marker: bool, codec: str, sequence: int) -> None:
        self.heard[codec] = self.heard.get(codec, 0) + 1
        if codec == "telephone-event":
            self.digits += self._events.put(timestamp, payload)
        else:
            self._sound.append(self._decoders[codec].decode(payload))

    async def _speak(self, hz: int) -> None:
        await until(lambda: self.peer.connection_state == "connected")
        sender = AudioSender(self.peer.rtp.negotiated_codec or "opus")
        n = 0
        while True:
            wave = 8000 * np.sin(2 * np.pi * hz * np.arange(n, n + FRAME_SAMPLES) / RATE_HZ)
            n += FRAME_SAMPLES
            for packet in sender.push(wave.astype(np.int16).tobytes()):
                self.peer.rtp.send(packet.payload, packet.timestamp, packet.marker, packet.codec)
            await asyncio.sleep(0.02)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


async def dial(phone: Phone, talker: Talker, to: str, params: str = "") -> None:
    offer = await talker.peer.create_offer()
    await phone.send("invite", callsid="TJS1", sdp=offer, preflight=False, twilio={"params": f"To={to}{params}"})


async def take(phone: Phone, talker: Talker) -> str:
    """Answer the invite that comes next; return its callsid."""
    invite = await phone.expect("invite")
    await phone.send("answer", sdp=await talker.peer.answer_offer(invite["sdp"]), callsid=invite["callsid"])
    return str(invite["callsid"])


async def connected_call(alice: Phone, bob: Phone, first: Talker, second: Talker) -> tuple[str, str]:
    """Alice calls bob, and both have media; return both callsids."""
    await dial(alice, first, "bob")
    callee_sid = await take(bob, second)
    await alice.expect("ringing")
    answer = await alice.expect("answer")
    await first.peer.apply_answer(answer["sdp"])
    await until(lambda: first.peer.connection_state == second.peer.connection_state == "connected")
    return str(answer["callsid"]), callee_sid

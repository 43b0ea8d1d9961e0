"""The path of sound in stock aiortc: its encoder, its jitter buffer as its receiver sets it up, its decoder."""

from __future__ import annotations

import fractions
from collections import deque

from aiortc.codecs.opus import OpusDecoder, OpusEncoder
from aiortc.jitterbuffer import JitterBuffer
from aiortc.rtp import RtpPacket
from av import AudioFrame

from hw.sound.frame import FRAME_SAMPLES, RATE_HZ, SILENCE


class StockAudio:
    """Both ends of one stream; frames are 20 ms of 48 kHz mono int16."""

    def __init__(self) -> None:
        self._encoder, self._decoder = OpusEncoder(), OpusDecoder()
        self._buffer = JitterBuffer(capacity=16, prefetch=4)
        self._ready: deque[bytes] = deque()

    def encode(self, number: int, sound: bytes) -> RtpPacket:
        """Make the packet of the frame of this number; to be called for each in turn."""
        frame = AudioFrame(format="s16", layout="mono", samples=FRAME_SAMPLES)
        frame.planes[0].update(sound)
        frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, number * FRAME_SAMPLES, fractions.Fraction(1, RATE_HZ)
        payloads, timestamp = self._encoder.encode(frame)
        packet = RtpPacket(sequence_number=number & 0xFFFF, timestamp=timestamp)
        packet._data = payloads[0]
        return packet

    def receive(self, packet: RtpPacket) -> None:
        """Take a packet that has arrived."""
        _, encoded = self._buffer.add(packet)
        if encoded is not None:
            for decoded in self._decoder.decode(encoded):
                self._ready.append(decoded.to_ndarray().reshape(-1, 2)[:, 0].tobytes())

    def play(self) -> bytes:
        """The next frame of a player that asks every 20 ms."""
        return self._ready.popleft() if self._ready else SILENCE

"""Passes one leg's packets on to another, decoding and encoding only where the other leg lacks the codec."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from agent.media.codec.g711 import PcmuDecoder, PcmuEncoder
from agent.media.codec.opus import OpusDecoder, OpusEncoder
from agent.media.sdp.parse import UNKNOWN
from hw.sound.frame import FRAME_BYTES, FRAME_SAMPLES, RATE_HZ

OPUS, PCMU, EVENT = "opus", "PCMU", "telephone-event"
PCMU_STEP = RATE_HZ // 8000  # 48 kHz samples in one of PCMU's

SendPacket = Callable[[bytes, int, bool, str, int | None], object]


class Transcoder:
    """The packet sink of one leg; `send` is the other leg's. Both are as in `agent.media.rtp_endpoint`."""

    def __init__(self, send: SendPacket, codecs: Collection[str]) -> None:
        """`codecs` are the names of what the other leg can hear."""
        self._send = send
        self._codecs = codecs
        self._transcoder: OpusToPcmu | PcmuToOpus | None = None

    def __call__(self, payload: bytes, timestamp: int, marker: bool, codec: str, sequence: int | None) -> None:
        """Pass one packet on."""
        if codec in (EVENT, UNKNOWN) or codec in self._codecs:
            self._send(payload, timestamp, marker, codec, sequence)
            return
        if self._transcoder is None:
            self._transcoder = OpusToPcmu() if codec == OPUS else PcmuToOpus()
        for made, at in self._transcoder(payload, timestamp):
            self._send(made, at, marker, self._transcoder.codec, None)


class OpusToPcmu:
    """One PCMU packet for each Opus packet."""

    codec = PCMU

    def __init__(self) -> None:
        self._decoder, self._encoder = OpusDecoder(), PcmuEncoder()

    def __call__(self, payload: bytes, timestamp: int) -> Iterator[tuple[bytes, int]]:
        """Transcode one packet; CodecError when it is damaged."""
        yield self._encoder.encode(self._decoder.decode(payload)), timestamp // PCMU_STEP


class PcmuToOpus:
    """One Opus packet for every 20 ms of PCMU, however it is cut into packets."""

    codec = OPUS

    def __init__(self) -> None:
        self._decoder, self._encoder = PcmuDecoder(), OpusEncoder()
        self._rest = b""

    def __call__(self, payload: bytes, timestamp: int) -> Iterator[tuple[bytes, int]]:
        """Transcode one packet; CodecError when it is damaged."""
        at = timestamp * PCMU_STEP - len(self._rest) // 2
        self._rest += self._decoder.decode(payload)
        while len(self._rest) >= FRAME_BYTES:
            frame, self._rest = self._rest[:FRAME_BYTES], self._rest[FRAME_BYTES:]
            yield self._encoder.encode(frame), at & 0xFFFFFFFF
            at += FRAME_SAMPLES

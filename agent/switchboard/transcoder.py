"""Passes one leg's packets on to another, decoding and encoding only where the other leg lacks the codec."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from agent.media.codec.g711 import RATIO, G711Decoder, G711Encoder
from agent.media.codec.opus import OpusDecoder, OpusEncoder
from agent.media.codec.receiver import Decoder
from agent.media.codec.sender import OPUS
from agent.media.sdp.codecs import EVENT, UNKNOWN
from hw.sound.frame import FRAME_BYTES, FRAME_SAMPLES

SendPacket = Callable[[bytes, int, bool, str, int | None], object]


class Transcoder:
    """The packet sink of one leg; `send` is the other leg's. Both are as in `agent.media.rtp_endpoint`."""

    def __init__(self, send: SendPacket, codecs: Collection[str]) -> None:
        """`codecs` are the names of what the other leg can hear, the wanted first."""
        self._send = send
        self._codecs = codecs
        self._origin = ""
        self._transcoder: ToG711 | ToOpus | None = None

    def __call__(self, payload: bytes, timestamp: int, marker: bool, codec: str, sequence: int | None) -> None:
        """Pass one packet on."""
        if codec in (EVENT, UNKNOWN) or codec in self._codecs:
            self._send(payload, timestamp, marker, codec, sequence)
            return
        if self._transcoder is None or codec != self._origin:
            self._origin, self._transcoder = codec, _transcoder(codec, next(iter(self._codecs), OPUS))
        for made, at in self._transcoder(payload, timestamp):
            self._send(made, at, marker, self._transcoder.codec, None)


def _transcoder(origin: str, wanted: str) -> ToG711 | ToOpus:
    decoder: Decoder = OpusDecoder() if origin == OPUS else G711Decoder(origin)
    return ToOpus(decoder) if wanted == OPUS else ToG711(wanted, decoder, RATIO if origin == OPUS else 1)


class ToG711:
    """One G.711 packet for each packet of another codec."""

    def __init__(self, law: str, decoder: Decoder, step: int) -> None:
        """`step` is how many units of the origin's clock there are in one of ours."""
        self.codec = law
        self._decoder, self._encoder = decoder, G711Encoder(law)
        self._step = step

    def __call__(self, payload: bytes, timestamp: int) -> Iterator[tuple[bytes, int]]:
        """Transcode one packet; CodecError when it is damaged."""
        yield self._encoder.encode(self._decoder.decode(payload)), timestamp // self._step


class ToOpus:
    """One Opus packet for every 20 ms of G.711, however it is cut into packets."""

    codec = OPUS

    def __init__(self, decoder: Decoder) -> None:
        self._decoder, self._encoder = decoder, OpusEncoder()
        self._rest = b""

    def __call__(self, payload: bytes, timestamp: int) -> Iterator[tuple[bytes, int]]:
        """Transcode one packet; CodecError when it is damaged."""
        at = timestamp * RATIO - len(self._rest) // 2
        self._rest += self._decoder.decode(payload)
        while len(self._rest) >= FRAME_BYTES:
            frame, self._rest = self._rest[:FRAME_BYTES], self._rest[FRAME_BYTES:]
            yield self._encoder.encode(frame), at & 0xFFFFFFFF
            at += FRAME_SAMPLES

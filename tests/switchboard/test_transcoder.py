"""Passing packets on, and transcoding them where the other leg lacks the codec."""

from __future__ import annotations

import numpy as np
import pytest

from agent.errors import CodecError
from agent.media.codec.g711 import G711Decoder, G711Encoder
from agent.media.codec.opus import OpusDecoder, OpusEncoder
from agent.media.codec.sender import OPUS, PCMA, PCMU
from agent.media.sdp.codecs import EVENT
from agent.switchboard.transcoder import Transcoder
from hw.sound.frame import FRAME_SAMPLES, RATE_HZ

Sent = list[tuple[bytes, int, bool, str, int | None]]


def forward_to(*codecs: str) -> tuple[Transcoder, Sent]:
    sent: Sent = []
    return Transcoder(lambda *packet: sent.append(packet), codecs), sent


def frames(count: int) -> list[bytes]:
    wave = 8000 * np.sin(2 * np.pi * 440 * np.arange(count * FRAME_SAMPLES) / RATE_HZ)
    return [frame.tobytes() for frame in wave.astype(np.int16).reshape(count, FRAME_SAMPLES)]


def loudest_hz(pcm: bytes) -> float:
    samples = np.frombuffer(pcm, np.int16).astype(float)
    return float(np.argmax(np.abs(np.fft.rfft(samples * np.hanning(len(samples)))))) * RATE_HZ / len(samples)


@pytest.mark.parametrize("codec", [OPUS, PCMU, EVENT])
def test_a_packet_that_the_other_leg_understands_passes_untouched(codec: str) -> None:
    forward, sent = forward_to(OPUS, PCMU)
    forward(b"payload", 1234, True, codec, 7)
    assert sent == [(b"payload", 1234, True, codec, 7)]


def test_opus_becomes_pcmu_packet_by_packet() -> None:
    forward, sent = forward_to(PCMU)
    encoder = OpusEncoder()
    for n, frame in enumerate(frames(50)):
        forward(encoder.encode(frame), n * 960, n == 0, OPUS, n)
    assert [packet[1] for packet in sent] == [n * 160 for n in range(50)]
    assert {(len(packet[0]), packet[3], packet[4]) for packet in sent} == {(160, PCMU, None)}
    decoder = G711Decoder("PCMU")
    assert loudest_hz(b"".join(decoder.decode(packet[0]) for packet in sent)) == pytest.approx(440, abs=2)


@pytest.mark.parametrize(("origin", "wanted"), [(OPUS, PCMA), (PCMA, PCMU), (PCMU, PCMA), (PCMA, OPUS)])
def test_every_codec_becomes_every_other(origin: str, wanted: str) -> None:
    forward, sent = forward_to(wanted)
    encoder = OpusEncoder() if origin == OPUS else G711Encoder(origin)
    for n, frame in enumerate(frames(50)):
        forward(encoder.encode(frame), n * (960 if origin == OPUS else 160), n == 0, origin, n)
    assert [packet[1] for packet in sent] == [n * (960 if wanted == OPUS else 160) for n in range(50)]
    assert {packet[3] for packet in sent} == {wanted}
    decoder = OpusDecoder() if wanted == OPUS else G711Decoder(wanted)
    assert loudest_hz(b"".join(decoder.decode(packet[0]) for packet in sent)) == pytest.approx(440, abs=2)


@pytest.mark.parametrize("packet_samples", [80, 160, 240, 480])
def test_pcmu_of_any_packet_length_becomes_opus(packet_samples: int) -> None:
    forward, sent = forward_to(OPUS)
    encoder = G711Encoder("PCMU")
    narrow = b"".join(encoder.encode(frame) for frame in frames(60))
    for at in range(0, len(narrow), packet_samples):
        forward(narrow[at : at + packet_samples], at, False, PCMU, at)
    assert [packet[1] for packet in sent] == [n * 960 for n in range(len(sent))]
    assert len(sent) == 60
    decoder = OpusDecoder()
    assert loudest_hz(b"".join(decoder.decode(packet[0]) for packet in sent)) == pytest.approx(440, abs=2)


def test_a_damaged_packet_is_an_error_of_the_far_side_and_the_next_one_passes() -> None:
    forward, sent = forward_to(PCMU)
    with pytest.raises(CodecError):
        forward(b"\xff" * 3, 0, False, OPUS, 1)
    forward(OpusEncoder().encode(frames(1)[0]), 960, False, OPUS, 2)
    assert len(sent) == 1

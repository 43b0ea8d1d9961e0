"""Opus through libopus: whole round trips, repair, pauses, damaged packets."""

import ctypes

import numpy as np
import pytest

from agent.errors import CodecError, InvalidArgumentError, NotSupportedError
from agent.media.codec import opus
from agent.media.codec.opus import OpusDecoder, OpusEncoder, has_fec, packet_samples
from hw.sound.frame import FRAME_SAMPLES, SILENCE
from tests.media.sounds import alike, frames, pcm_of, rms, tone, voice


def encoded(pcm, **settings):
    encoder = OpusEncoder(**settings)
    return [encoder.encode(frame) for frame in frames(pcm)]


def test_speech_survives_the_round_trip():
    said = voice(1.0, pitch_hz=240)  # well above the high-pass filter of the encoder
    decoder = OpusDecoder()

    heard = pcm_of([decoder.decode(packet) for packet in encoded(said)])

    assert len(heard) == len(said)
    assert alike(said, heard) > 0.9


@pytest.mark.parametrize("packet_ms", [10, 20, 40, 60])
def test_a_packet_says_how_long_it_lasts(packet_ms):
    samples = packet_ms * 48

    packet = OpusEncoder().encode(voice(0.06)[:samples].tobytes())

    assert packet_samples(packet) == samples
    assert len(OpusDecoder().decode(packet)) == 2 * samples


def held_back_ms(transform):
    """How much later a click leaves the decoder than it went into the encoder."""
    encoder, decoder = OpusEncoder(bitrate=64_000), OpusDecoder()
    encoder.set_transform(transform)
    said = np.zeros(10 * FRAME_SAMPLES, np.int16)
    said[5 * FRAME_SAMPLES : 5 * FRAME_SAMPLES + 24] = 20_000
    heard = pcm_of([decoder.decode(encoder.encode(frame)) for frame in frames(said)])
    return (int(np.abs(heard.astype(int)).argmax()) - 5 * FRAME_SAMPLES) / 48


def test_coding_the_spectrum_holds_back_less_than_the_model_of_the_voice():
    assert held_back_ms(transform=True) < 3.5
    assert held_back_ms(transform=False) > 6.0


def test_the_encoder_may_change_its_way_at_any_frame():
    encoder, decoder = OpusEncoder(bitrate=64_000), OpusDecoder()
    levels = []
    for number, frame in enumerate(frames(tone(440, 2.0))):
        if number % 25 == 0:
            encoder.set_transform(number % 50 == 0)
        packet = encoder.encode(frame)
        assert (packet[0] >> 3 >= 16) == (number % 50 < 25)
        levels.append(rms(pcm_of([decoder.decode(packet)])))
    assert min(levels[5:]) > 0.7 * max(levels[5:])


def test_a_frame_of_no_legal_length_is_refused():
    with pytest.raises(InvalidArgumentError):
        OpusEncoder().encode(bytes(2 * 100))


@pytest.mark.parametrize("packet_ms", [20, 40, 60])
def test_a_lost_packet_is_rebuilt_from_the_next_one(packet_ms):
    samples = packet_ms * 48
    said = voice(2.4)
    encoder = OpusEncoder(loss_percent=5)
    packets = [encoder.encode(said[i : i + samples].tobytes()) for i in range(0, len(said) - samples + 1, samples)]
    whole, hurt = OpusDecoder(), OpusDecoder()
    lost = next(number for number in range(6, len(packets) - 1) if has_fec(packets[number + 1]))
    for packet in packets[:lost]:
        whole.decode(packet)
        hurt.decode(packet)

    original, rebuilt = whole.decode(packets[lost]), hurt.recover(packets[lost + 1], samples)

    assert len(rebuilt) == len(original)
    assert alike(pcm_of([original]), pcm_of([rebuilt]), 1) > 0.8


def test_no_copy_is_sent_when_it_was_not_asked_for():
    assert not any(has_fec(packet) for packet in encoded(voice(1.0), fec=False))


def test_the_readiness_of_the_sender_can_change_while_it_sends():
    encoder = OpusEncoder(loss_percent=0)
    said = frames(voice(1.0))

    before = [encoder.encode(frame) for frame in said]
    encoder.set_loss_percent(8)
    after = [encoder.encode(frame) for frame in said]

    assert not any(map(has_fec, before))
    assert sum(map(has_fec, after)) > len(after) // 2


def test_concealment_continues_the_sound_and_then_fades():
    decoder = OpusDecoder()
    for packet in encoded(voice(1.1)):
        last = decoder.decode(packet)

    first = pcm_of([decoder.conceal(FRAME_SAMPLES)])
    later = pcm_of([decoder.conceal(FRAME_SAMPLES) for _ in range(50)])

    assert rms(first) > 0.5 * rms(pcm_of([last]))
    assert rms(later[-FRAME_SAMPLES:]) < 0.05 * rms(pcm_of([last]))


def test_long_silence_becomes_tiny_packets_when_dtx_is_on():
    sizes = [len(packet) for packet in encoded(pcm_of([SILENCE] * 100), dtx=True)]

    assert sum(size <= opus.DTX_BYTES for size in sizes) > 50


def test_a_higher_bit_rate_makes_larger_packets():
    small, large = encoded(voice(1.0), bitrate=12_000), encoded(voice(1.0), bitrate=48_000)

    assert sum(map(len, large)) > 2 * sum(map(len, small))


def test_high_frequencies_are_kept_where_the_bit_rate_affords_them():
    heard = {}
    for bitrate in (32_000, 96_000):
        decoder = OpusDecoder()
        heard[bitrate] = pcm_of([decoder.decode(packet) for packet in encoded(tone(12_000, 1.0), bitrate=bitrate)])

    assert rms(heard[96_000]) > 10 * rms(heard[32_000])


@pytest.mark.parametrize("damaged", [b"", b"\xff", b"\x03", bytes([0xFF, 0xFF, 0xFF])])
def test_a_damaged_packet_is_the_far_ends_fault(damaged):
    with pytest.raises(CodecError):
        packet_samples(damaged)


@pytest.mark.parametrize("damaged", [b"", b"\x00", b"\x48\x00", b"\x03\x41", b"\x4b\xc1\xff\xff", b"\x4b\xff\xff\xff"])
def test_looking_for_a_copy_in_a_damaged_packet_finds_none(damaged):
    assert not has_fec(damaged)


def test_without_the_library_the_error_says_what_to_install(monkeypatch):
    opus.library.cache_clear()
    monkeypatch.setattr(opus, "_candidates", lambda: iter(["libopus-that-is-not-there.so"]))

    with pytest.raises(NotSupportedError, match="apt-get install libopus0"):
        opus.library()

    opus.library.cache_clear()


def test_the_copy_that_comes_with_pyav_is_found_too():
    bundled = [name for name in opus._candidates() if "av.libs" in name]

    assert not bundled or opus._declare(ctypes.CDLL(bundled[0])).opus_get_version_string().startswith(b"libopus")

"""PCMU: companding, resampling without clicks or aliases, concealment."""

import numpy as np
import pytest

from agent.errors import CodecError
from agent.media.codec.g711 import G711Decoder, G711Encoder
from hw.sound.frame import FRAME_BYTES, FRAME_SAMPLES, SILENCE
from tests.media.sounds import alike, frames, level_at, pcm_of, rms, steps, tone, voice


def round_trip(pcm):
    encoder, decoder = G711Encoder("PCMU"), G711Decoder("PCMU")
    return pcm_of([decoder.decode(encoder.encode(frame)) for frame in frames(pcm)])


def test_a_frame_becomes_160_bytes_and_a_frame_again():
    payload = G711Encoder("PCMU").encode(SILENCE)

    assert len(payload) == 160
    assert len(G711Decoder("PCMU").decode(payload)) == FRAME_BYTES


def test_silence_is_the_code_ff_and_stays_silent():
    payload = G711Encoder("PCMU").encode(SILENCE)

    assert payload == b"\xff" * 160
    assert G711Decoder("PCMU").decode(payload) == SILENCE


@pytest.mark.parametrize(
    ("code", "value"), [(0x00, -32124), (0x80, 32124), (0x7F, 0), (0xFF, 0), (0x0F, -16764), (0xF0, 120), (0x6F, -132)]
)
def test_codes_mean_what_the_recommendation_says(code, value):
    heard = pcm_of([G711Decoder("PCMU").decode(bytes([code]) * 400)])

    assert heard[1200:2000].mean() == pytest.approx(value, abs=2)


def test_every_code_survives_decoding_and_encoding():
    values = pcm_of([G711Decoder("PCMU").decode(bytes([code]) * 160)[-200:] for code in range(256)]).reshape(256, 100)

    for code, value in enumerate(values[:, 50]):
        again = G711Encoder("PCMU").encode(np.full(960, value, np.int16).tobytes())[-1]
        assert again == code or {again, code} == {0x7F, 0xFF}


@pytest.mark.parametrize(
    ("code", "value"), [(0xD5, 8), (0x55, -8), (0xAA, 32256), (0x2A, -32256), (0x80, 5504), (0x95, 2112), (0xF5, 528)]
)
def test_codes_of_a_law_mean_what_the_recommendation_says(code, value):
    heard = pcm_of([G711Decoder("PCMA").decode(bytes([code]) * 400)])

    assert heard[1200:2000].mean() == pytest.approx(value, abs=2)


def test_every_code_of_a_law_survives_decoding_and_encoding():
    for code in range(256):
        value = pcm_of([G711Decoder("PCMA").decode(bytes([code]) * 160)])[-50]
        assert G711Encoder("PCMA").encode(np.full(960, value, np.int16).tobytes())[-1] == code


def test_speech_survives_a_law():
    said, encoder, decoder = voice(1.0), G711Encoder("PCMA"), G711Decoder("PCMA")

    assert alike(said, pcm_of([decoder.decode(encoder.encode(frame)) for frame in frames(said)])) > 0.99


def test_speech_survives_the_round_trip():
    said = voice(1.0)

    assert alike(said, round_trip(said)) > 0.99


@pytest.mark.parametrize("hz", [200, 1000, 3000, 3300])
def test_the_telephone_band_passes_unchanged(hz):
    heard = round_trip(tone(hz, 0.5))

    assert level_at(heard[4800:], hz) == pytest.approx(8000, rel=0.06)


@pytest.mark.parametrize("hz", [4700, 6000, 7000, 12_000, 20_000])
def test_what_is_above_the_band_leaves_no_alias(hz):
    heard = round_trip(tone(hz, 0.5))

    assert rms(heard[4800:]) < 8000 / np.sqrt(2) / 100


def test_a_tone_has_no_clicks_between_frames():
    said = tone(440, 0.5)

    assert steps(round_trip(said)[2000:]) < 3 * steps(said) + 300


def test_loud_sound_is_limited_not_wrapped():
    said = np.clip(tone(300, 0.2, 60_000.0).astype(np.int32) * 2, -32768, 32767).astype(np.int16)

    assert alike(said, round_trip(said)) > 0.95


def test_a_lost_frame_is_hardly_missed():
    said = voice(1.0)
    encoder, decoder = G711Encoder("PCMU"), G711Decoder("PCMU")
    payloads = [encoder.encode(frame) for frame in frames(said)]

    heard = [
        decoder.conceal(FRAME_SAMPLES) if number % 10 == 9 else decoder.decode(payload)
        for number, payload in enumerate(payloads)
    ]

    assert alike(said, pcm_of(heard)) > 0.95
    assert steps(pcm_of(heard)[2000:]) < 4 * steps(round_trip(said)[2000:])


def test_concealment_fades_to_silence():
    encoder, decoder = G711Encoder("PCMU"), G711Decoder("PCMU")
    for frame in frames(voice(0.3)):
        decoder.decode(encoder.encode(frame))

    made = [pcm_of([decoder.conceal(FRAME_SAMPLES)]) for _ in range(6)]

    assert rms(made[0]) > 1000
    assert not made[5].any()


def test_concealment_before_anything_was_heard_is_silence():
    assert G711Decoder("PCMU").conceal(FRAME_SAMPLES) == SILENCE


def test_any_length_can_be_concealed():
    assert len(G711Decoder("PCMU").conceal(121)) == 242


def test_an_empty_packet_is_the_far_ends_fault():
    with pytest.raises(CodecError):
        G711Decoder("PCMU").decode(b"")

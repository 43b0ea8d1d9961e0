"""Cutting and repeating pitch periods without a click."""

import numpy as np
import pytest

from agent.media.jitter.time_stretch import TimeStretch, lengthen, shorten
from tests.media.sounds import level_at, rms, steps, tone, voice

FRAME = 960


@pytest.mark.parametrize("pitch_hz", [110, 150, 200, 280, 400])
def test_a_vowel_loses_whole_periods_and_keeps_its_pitch(pitch_hz):
    said = tone(pitch_hz, 0.02)

    shorter = shorten(said, FRAME)

    lost = len(said) - len(shorter)
    assert lost > 0
    assert lost / 48_000 * pitch_hz == pytest.approx(round(lost / 48_000 * pitch_hz), abs=0.05)
    assert steps(shorter) < 2 * steps(said) + 20


@pytest.mark.parametrize("pitch_hz", [110, 150, 200, 280, 400])
def test_a_vowel_gains_whole_periods_and_keeps_its_pitch(pitch_hz):
    said = tone(pitch_hz, 0.02)

    longer = lengthen(said, FRAME)

    gained = len(longer) - len(said)
    assert gained > 0
    assert gained / 48_000 * pitch_hz == pytest.approx(round(gained / 48_000 * pitch_hz), abs=0.05)
    assert steps(longer) < 2 * steps(said) + 20


def test_speech_half_as_long_again_has_no_clicks():
    said = voice(2.0)

    longer = np.concatenate([lengthen(said[i : i + FRAME], FRAME) for i in range(0, len(said), FRAME)])

    assert 1.2 < len(longer) / len(said) < 1.6
    assert steps(longer) < 2.5 * steps(said)
    assert rms(longer) == pytest.approx(rms(said), rel=0.1)


def test_quiet_sound_is_cut_by_exactly_what_is_wanted():
    hum = tone(50, 0.02, 30)

    assert len(shorten(hum, 37)) == FRAME - 37
    assert len(lengthen(hum, 37)) == FRAME + 37


def test_noise_is_left_alone_unless_it_must_be_cut():
    noise = np.random.default_rng(1).integers(-8000, 8000, FRAME).astype(np.int16)

    assert len(shorten(noise, FRAME)) == FRAME
    assert len(shorten(noise, FRAME, force=True)) < FRAME


def test_never_more_is_cut_than_is_wanted():
    said = tone(200, 0.02)

    assert len(shorten(said, 300)) >= FRAME - 300
    assert len(shorten(said, 50)) == FRAME


def test_a_tone_keeps_its_level():
    said = tone(200, 0.04)

    assert level_at(shorten(said, FRAME), 200) == pytest.approx(8000, rel=0.05)


@pytest.mark.parametrize("length", [1, 100, 239])
def test_a_piece_too_short_to_join_is_left_alone(length):
    said = tone(200, 0.02)[:length]

    assert len(shorten(said, FRAME)) == length


@pytest.mark.parametrize("pitch_hz", [110, 150, 280])
@pytest.mark.parametrize("wanted", [240, 480])
def test_a_vowel_gains_at_least_as_much_as_is_wanted_at_once(pitch_hz, wanted):
    gained = len(lengthen(tone(pitch_hz, 0.02), wanted)) - FRAME

    assert wanted <= gained <= wanted + 480


def quiet(number):
    return np.random.default_rng(number).integers(-300, 300, FRAME).astype(np.int16)


def test_at_leisure_sound_is_cut_between_sentences_and_by_all_that_is_wanted():
    stretch, word = TimeStretch(), tone(200, 0.02)
    for _ in range(3):
        said = [len(stretch.changed(word, -480, leisurely=True)) for _ in range(20)]
        closed = [len(stretch.changed(quiet(number), -480, leisurely=True)) for number in range(4)]  # as of a "p"
        assert {*said, *closed} == {FRAME}

    stretch.changed(word, -480, leisurely=True)
    paused = [len(stretch.changed(quiet(number), -480, leisurely=True)) for number in range(8)]
    assert paused == [FRAME] * 7 + [FRAME - 480]


def test_what_is_quiet_depends_on_how_loud_it_was():
    murmur = TimeStretch()
    for number in range(50):
        assert len(murmur.changed(quiet(number), -480, leisurely=True)) == FRAME


def test_in_a_hurry_sound_is_cut_wherever_it_is():
    stretch = TimeStretch()
    assert len(stretch.changed(tone(200, 0.02), -480)) < FRAME
    assert len(stretch.changed(quiet(0), -2 * FRAME)) < FRAME

"""Volumes and levels on the scales of the Web Audio analyser (spec: quality 4)."""

from __future__ import annotations

import numpy as np
import pytest

from agent.quality.volume_meter import BINS, FFT_SIZE, Analyser, VolumeMeter, spectrum

PUBLIC = {"smoothing": 0.3, "min_db": -100, "max_db": -30}
INTERNAL = {"smoothing": 0, "min_db": -127, "max_db": 0}


def tone(amplitude: float, bin_: float = 4) -> np.ndarray:
    return np.round(amplitude * np.sin(2 * np.pi * bin_ * np.arange(FFT_SIZE) / FFT_SIZE)).astype(np.int16)


@pytest.mark.parametrize(
    ("decibels", "byte"),
    [
        (-120, 0),
        (-100, 0),
        (-90, 36),
        (-80, 72),
        (-70, 109),
        (-65, 127),
        (-60, 145),
        (-50, 182),
        (-40, 218),
        (-30, 255),
    ],
)
def test_the_public_scale_is_that_of_the_reference(decibels, byte):
    assert Analyser(**PUBLIC).to_bytes(np.array([float(decibels)])) == [byte]


@pytest.mark.parametrize(
    ("decibels", "byte", "level"),
    [
        (-110, 34, 4368.93),
        (-100, 54, 6938.89),
        (-80, 94, 12078.82),
        (-60, 134, 17218.74),
        (-40, 174, 22358.66),
        (-20, 214, 27498.58),
        (0, 255, 32767),
    ],
)
def test_the_internal_scale_is_that_of_the_reference(decibels, byte, level):
    assert Analyser(**INTERNAL).to_bytes(np.array([float(decibels)])) == [byte]
    assert byte / 255 * 32767 == pytest.approx(level, abs=0.01)


def test_silence_is_zero():
    assert VolumeMeter().measure(np.zeros(FFT_SIZE, np.int16)) == (0.0, 0.0)


def test_a_tone_shows_in_its_own_bin_and_its_neighbours():
    magnitudes = spectrum(tone(32767))
    assert len(magnitudes) == BINS
    assert np.argmax(magnitudes) == 4
    assert magnitudes[4] == pytest.approx(0.42 / 2, rel=1e-3)  # half the amplitude, times the window's mean
    assert max(magnitudes[7:]) < 1e-4


def test_louder_is_more_and_never_more_than_one():
    readings = [VolumeMeter().measure(tone(amplitude)) for amplitude in (10, 100, 1000, 10_000, 32_767)]
    volumes, levels = zip(*readings, strict=True)
    assert list(volumes) == sorted(volumes)
    assert list(levels) == sorted(levels)
    assert 0 < volumes[0] < volumes[-1] <= 1
    assert levels[-1] <= 32_767


def test_the_public_volume_falls_slowly_and_the_level_at_once():
    meter = VolumeMeter()
    loud, loud_level = meter.measure(tone(20_000))
    after, level_after = meter.measure(np.zeros(FFT_SIZE, np.int16))
    assert 0 < after < loud
    assert loud_level > 0
    assert level_after == 0


def test_smoothing_is_three_tenths_of_the_past():
    analyser = Analyser(**PUBLIC)
    loud = np.full(BINS, 0.01)  # 0.7 of it is -43.1 dB, byte 207; 0.3 of that -53.6 dB, byte 169
    assert analyser.mean(loud) == 207 / 255
    assert analyser.mean(np.zeros(BINS)) == 169 / 255


def test_the_loudest_noise_stays_on_the_scale():
    noise = np.random.default_rng(1).integers(-32768, 32768, FFT_SIZE).astype(np.int16)
    volume, level = VolumeMeter().measure(noise)
    assert 0.9 < volume <= 1
    assert 0 < level < 32_767

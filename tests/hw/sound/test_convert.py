"""Cards with rates and channels of their own."""

from __future__ import annotations

import numpy as np
import pytest

from hw.sound.convert import CaptureConverter, PlaybackConverter
from hw.sound.rings import PlayoutRing


def tone(rate_hz: int, seconds: float, hz: float = 440.0) -> np.ndarray:
    return (10_000 * np.sin(2 * np.pi * hz * np.arange(int(rate_hz * seconds)) / rate_hz)).astype("<i2")


def loudest_hz(samples: np.ndarray, rate_hz: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * rate_hz / len(samples))


def test_a_card_of_the_right_kind_is_not_touched() -> None:
    chunk = tone(48_000, 0.01).tobytes()
    assert CaptureConverter(48_000, 1)(chunk) is chunk


@pytest.mark.parametrize(("rate_hz", "channels"), [(44_100, 1), (44_100, 2), (16_000, 1), (48_000, 2), (96_000, 2)])
def test_what_is_captured_becomes_48_khz_mono(rate_hz: int, channels: int) -> None:
    convert = CaptureConverter(rate_hz, channels)
    signal = np.repeat(tone(rate_hz, 1.0), channels).tobytes()
    size = rate_hz // 100 * 2 * channels
    got = b"".join(convert(signal[at : at + size]) for at in range(0, len(signal), size))
    samples = np.frombuffer(got, "<i2")
    assert len(samples) == pytest.approx(48_000, abs=1_500)
    assert loudest_hz(samples, 48_000) == pytest.approx(440, abs=3)
    assert convert.samples(rate_hz // 100) == 480


@pytest.mark.parametrize("rate_hz", [44_100, 16_000, 96_000])
def test_what_is_captured_lasts_as_long_as_before_and_is_whole_after_its_beginning(rate_hz: int) -> None:
    convert = CaptureConverter(rate_hz, 1)
    signal, size = tone(rate_hz, 2.0).tobytes(), rate_hz // 50 * 2
    pieces = [convert(signal[at : at + size]) for at in range(0, len(signal), size)]
    assert {len(piece) for piece in pieces} == {1_920}
    heard = np.frombuffer(b"".join(pieces), "<i2")[9_600:].astype(float)
    assert np.max(np.abs(np.diff(heard))) <= 10_000 * 2 * np.pi * 440 / 48_000 * 1.1  # no step in it


@pytest.mark.parametrize(("rate_hz", "channels"), [(44_100, 1), (44_100, 2), (16_000, 1), (48_000, 2)])
def test_what_is_played_becomes_what_the_card_wants(rate_hz: int, channels: int) -> None:
    ring = PlayoutRing(10, 2_000)
    speech = tone(48_000, 1.0).tobytes()
    for at in range(0, len(speech), 1_920):
        ring.write(speech[at : at + 1_920])
    convert = PlaybackConverter(rate_hz, channels)
    needed = rate_hz // 100 * 2 * channels
    pieces = [convert.fill(needed, ring) for _ in range(90)]
    assert {len(piece) for piece in pieces} == {needed}
    played = np.frombuffer(b"".join(pieces), "<i2").reshape(-1, channels)
    assert all(np.array_equal(played[:, 0], played[:, n]) for n in range(channels))
    assert loudest_hz(played[rate_hz // 10 :, 0], rate_hz) == pytest.approx(440, abs=3)

"""What a phone sounds like: frequencies and rhythm, by country and by key."""

from __future__ import annotations

import numpy as np
import pytest

from hw.errors import ToneError
from hw.sound import tones
from hw.sound.country_tones import COUNTRIES


def spectrum_peaks(pcm: bytes, count: int) -> list[int]:
    samples = np.frombuffer(pcm, "<i2").astype(float)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 48_000))
    found: list[int] = []
    for _ in range(count):
        peak = int(np.argmax(spectrum))
        found.append(peak)
        spectrum[max(0, peak - 40) : peak + 40] = 0
    return sorted(found)


def rhythm_s(pcm: bytes) -> list[float]:
    """Lengths of tone, silence, tone ... of one period, to 10 ms."""
    samples = np.frombuffer(pcm, "<i2").astype(float)
    loud = np.abs(samples).reshape(-1, 480).max(axis=1) > 200
    edges = np.flatnonzero(np.diff(loud)) + 1
    return [float(n) / 100 for n in np.diff([0, *edges, len(loud)])]


@pytest.mark.parametrize(
    ("country", "on_off_s"),
    [("us", [2, 4]), ("de", [1, 4]), ("fr", [1.5, 3.5]), ("gb", [0.4, 0.2, 0.4, 2]), ("jp", [1, 2])],
)
def test_the_bell_rings_in_the_rhythm_of_the_country(country: str, on_off_s: list[float]) -> None:
    assert rhythm_s(tones.ring(country)) == pytest.approx(on_off_s, abs=0.011)
    if country != "jp":  # its ringback beats, so the rhythm is not measured this way
        assert rhythm_s(tones.ringback(country)) == pytest.approx(on_off_s, abs=0.011)


def test_american_ringback_is_440_and_480_hz() -> None:
    assert spectrum_peaks(tones.ringback("us")[:96_000], 2) == pytest.approx([440, 480], abs=2)


@pytest.mark.parametrize(("country", "half_period_s"), [("us", 0.5), ("de", 0.48), ("es", 0.2), ("it", 0.5)])
def test_busy_beats_evenly(country: str, half_period_s: float) -> None:
    assert rhythm_s(tones.busy(country)) == pytest.approx([half_period_s, half_period_s], abs=0.011)


KEYS = [("1", [697, 1209]), ("5", [770, 1336]), ("#", [941, 1477]), ("0", [941, 1336])]
FAKE_KEYS = [("1", [720, 1230]), ("5", [790, 1360]), ("*", [960, 1230]), ("9", [870, 1480])]


@pytest.mark.parametrize(("digit", "hz"), KEYS)
def test_keys_sound_as_dtmf(digit: str, hz: list[int]) -> None:
    assert spectrum_peaks(tones.key(digit), 2) == pytest.approx(hz, abs=6)


@pytest.mark.parametrize(("digit", "hz"), FAKE_KEYS)
def test_fake_keys_use_the_frequencies_of_the_sdk(digit: str, hz: list[int]) -> None:
    assert spectrum_peaks(tones.key(digit, fake=True), 2) == pytest.approx(hz, abs=6)


def test_every_tone_of_every_country_can_be_made_and_starts_without_a_click() -> None:
    for country in COUNTRIES:
        for tone in (tones.ring(country), tones.ringback(country), tones.busy(country)):
            assert abs(int(np.frombuffer(tone, "<i2")[0])) < 50


def test_an_unknown_country_is_refused_with_those_that_exist() -> None:
    with pytest.raises(ToneError, match=r"no tones are known for 'xx'.*us"):
        tones.ring("xx")


@pytest.mark.parametrize("digit", ["x", "", "12"])
def test_what_is_no_key_is_refused(digit: str) -> None:
    with pytest.raises(ToneError, match="there is no key"):
        tones.key(digit)

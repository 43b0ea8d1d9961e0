"""Finds a known sweep in what a microphone heard: pure.

A sweep over the telephone band has a sharp autocorrelation, so that correlating (a matched filter, by FFT) tells its
delay to the sample and finds it 20 dB below noise; a plain tone would tell neither.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hw.sound.frame import RATE_HZ

SWEEP_S = 0.5
FROM_HZ, TO_HZ = 300.0, 3400.0
PEAK = 0.25  # of full scale: clear of most speakers' distortion
CLIPPED = 32_700

_Samples = npt.NDArray[np.float64]


class Heard(NamedTuple):
    """How the sweep arrived: its delay, its level against what was played, and how far it stands above the rest."""

    delay_ms: float
    level_db: float
    clarity_db: float
    clipped: bool


def sweep() -> bytes:
    """Compute the sweep as 48 kHz mono int16, faded in and out."""
    return bytes((_sweep() * PEAK * 32767).astype("<i2").tobytes())


def find_sweep(captured: bytes) -> Heard:
    """Look for the sweep in 48 kHz mono int16 that was captured from the moment it was played; at least as long."""
    heard = np.frombuffer(captured, "<i2").astype(np.float64)
    played = _sweep() * PEAK * 32767
    size = 1 << (len(heard) + len(played)).bit_length()
    spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(played, size))
    match = np.abs(np.fft.irfft(spectrum, size)[: max(1, len(heard) - len(played) + 1)])
    at = int(np.argmax(match))
    gain = float(match[at] / np.dot(played, played))
    return Heard(
        delay_ms=1000 * at / RATE_HZ,
        level_db=_db(gain),
        clarity_db=_db(float(match[at]) / (float(np.median(match)) + 1e-9)),
        clipped=bool(np.max(np.abs(heard), initial=0) >= CLIPPED),
    )


def _sweep() -> _Samples:
    t = np.arange(int(RATE_HZ * SWEEP_S)) / RATE_HZ
    phase = 2 * np.pi * (FROM_HZ * t + (TO_HZ - FROM_HZ) * t * t / (2 * SWEEP_S))
    fade = np.minimum(1.0, np.minimum(t, SWEEP_S - t) / 0.02)
    return np.asarray(np.sin(phase) * fade)


def _db(ratio: float) -> float:
    return 20 * float(np.log10(max(ratio, 1e-9)))

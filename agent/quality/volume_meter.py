"""Loudness as the Web Audio API's analyser sees it (spec: quality 4; Web Audio API 1.0, AnalyserNode).

The last 32 samples through a Blackman window and an FFT give 16 bins; their magnitudes, smoothed over time, become
decibels, and those bytes between the two ends of a scale. A volume is the mean byte, not an RMS level.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FFT_SIZE = 32
BINS = FFT_SIZE // 2
INTERVAL_MS = 50
MAX_LEVEL = 32767

_Samples = npt.NDArray[np.int16]
_Magnitudes = npt.NDArray[np.float64]

_PHASE = 2 * np.pi * np.arange(FFT_SIZE) / FFT_SIZE
_BLACKMAN = 0.42 - 0.5 * np.cos(_PHASE) + 0.08 * np.cos(2 * _PHASE)
_WINDOW = _BLACKMAN / 32768 / FFT_SIZE  # samples to -1..1, and the analyser's division of the FFT by its size


def spectrum(samples: _Samples) -> _Magnitudes:
    """Compute the magnitudes of the 16 bins of 32 samples of 16 bits."""
    return np.abs(np.fft.rfft(samples * _WINDOW))[:BINS]


class Analyser:
    """One analyser of one stream; feed it in order, since it smooths over time."""

    def __init__(self, *, smoothing: float, min_db: float, max_db: float) -> None:
        self._smoothing = smoothing
        self._min_db = min_db
        self._max_db = max_db
        self._magnitudes = np.zeros(BINS)

    def mean(self, magnitudes: _Magnitudes) -> float:
        """Compute the mean of the byte of each bin over 255, for the next spectrum: 0.0 to 1.0."""
        self._magnitudes = self._smoothing * self._magnitudes + (1 - self._smoothing) * magnitudes
        with np.errstate(divide="ignore"):
            decibels = 20 * np.log10(self._magnitudes)
        return float(self.to_bytes(decibels).mean()) / 255

    def to_bytes(self, decibels: _Magnitudes) -> _Magnitudes:
        """Map decibels onto the scale of this analyser, 0 to 255."""
        scaled = 255 * (decibels - self._min_db) / (self._max_db - self._min_db)
        return np.clip(np.floor(scaled), 0, 255)


class VolumeMeter:
    """Both readings of one stream: the public volume, and the level that samples carry."""

    def __init__(self) -> None:
        self._public = Analyser(smoothing=0.3, min_db=-100, max_db=-30)
        self._internal = Analyser(smoothing=0, min_db=-127, max_db=0)

    def measure(self, samples: _Samples) -> tuple[float, float]:
        """Measure volume (0..1) and level (0..32767) of 32 samples; to be called every 50 ms."""
        magnitudes = spectrum(samples)
        return self._public.mean(magnitudes), self._internal.mean(magnitudes) * MAX_LEVEL

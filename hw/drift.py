"""Two cards never count alike: how far apart their clocks are, and what was played brought to the capture clock. Pure.

Each card's clock is a straight line of samples over time, fitted by least squares in which the past fades out (time
constant 30 s), so that a callback that is a few milliseconds late hardly matters. The difference of the two slopes is
the drift. A slow loop on top keeps the echo reference's backlog where it should be.
"""

from __future__ import annotations

import math

import numpy as np
import soxr

from hw.ports import RATE_HZ

FADE_S = 30.0
READY_S = 15.0  # a younger line is a guess
DEAD_BAND_PPM = 6.0  # two streams of one card measure about 1
MOST_PPM = 1_000.0


class ClockRate:
    """How fast one card counts, in parts per million off the nominal rate."""

    def __init__(self) -> None:
        self._first: tuple[float, int] | None = None
        self._last_at = 0.0
        self._w = self._t = self._x = self._tt = self._tx = 0.0

    def update(self, at: float, samples: int) -> None:
        """A callback ran at `at` (monotonic seconds) and had moved `samples` in all."""
        if self._first is None:
            self._first, self._last_at = (at, samples), at
        if at < self._last_at or samples < self._first[1]:
            return
        self._move_origin(at - self._last_at)
        self._last_at = at
        off = (samples - self._first[1]) - (at - self._first[0]) * RATE_HZ
        self._w += 1.0
        self._x += off

    def _move_origin(self, dt: float) -> None:
        """Fade the sums and count time from the newest point, which keeps every number small."""
        fade = math.exp(-dt / FADE_S)
        w, t, x = self._w * fade, self._t * fade, self._x * fade
        self._tt = self._tt * fade - 2 * dt * t + dt * dt * w
        self._tx = self._tx * fade - dt * x
        self._w, self._t, self._x = w, t - dt * w, x

    @property
    def ready(self) -> bool:
        """Whether the line is long enough to be believed."""
        return self._first is not None and self._last_at - self._first[0] >= READY_S

    @property
    def ppm(self) -> float:
        """Slope of the line; 0 while it is too short."""
        spread = self._w * self._tt - self._t * self._t
        if not self.ready or spread <= 0:
            return 0.0
        return (self._w * self._tx - self._t * self._x) / spread / RATE_HZ * 1e6


class Drift:
    """The playback card's clock against the capture card's."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget: a stream was re-opened or lost samples."""
        self._capture = ClockRate()
        self._playback = ClockRate()

    def update(self, captured: tuple[float, int], played: tuple[float, int]) -> None:
        """Note both streams' (time of the last callback, samples moved)."""
        self._capture.update(*captured)
        self._playback.update(*played)

    @property
    def ppm(self) -> float:
        """How much faster the playback card counts; 0 until known, and while it is as good as none."""
        if not (self._capture.ready and self._playback.ready):
            return 0.0
        ppm = self._playback.ppm - self._capture.ppm
        return 0.0 if abs(ppm) < DEAD_BAND_PPM else max(-MOST_PPM, min(MOST_PPM, ppm))


class DriftCorrector:
    """Resamples what was played so that it has as many samples as were captured meanwhile."""

    BACKLOG_GAIN_PPM = 0.5  # a sample too many in hand: that much faster
    MOST_BACKLOG_PPM = 100.0
    SMOOTH = 0.02

    def __init__(self) -> None:
        self._resampler: soxr.ResampleStream | None = None
        self._backlog: float | None = None

    @property
    def active(self) -> bool:
        """Whether the clocks differ enough to be corrected."""
        return self._resampler is not None

    def reset(self) -> None:
        """Start again without correction."""
        self._resampler = None
        self._backlog = None

    def correct(self, played: bytes, ppm: float, excess_samples: float) -> bytes:
        """`played`, shortened or stretched by `ppm`; `excess_samples` is how much too much is in hand."""
        if self._resampler is None:
            if ppm == 0.0:
                return played  # one card, one clock: nothing touches the index-locked reference
            highest = 1.0 + 2 * MOST_PPM * 1e-6
            self._resampler = soxr.ResampleStream(highest, 1.0, 1, dtype="int16", quality="HQ", vr=True)
        self._smooth(excess_samples)
        pull = max(-self.MOST_BACKLOG_PPM, min(self.MOST_BACKLOG_PPM, (self._backlog or 0.0) * self.BACKLOG_GAIN_PPM))
        self._resampler.set_io_ratio(1.0 + (ppm + pull) * 1e-6, 1.0)
        return bytes(self._resampler.resample_chunk(np.frombuffer(played, "<i2")).tobytes())

    def _smooth(self, excess: float) -> None:
        self._backlog = excess if self._backlog is None else self._backlog + self.SMOOTH * (excess - self._backlog)

"""Two cards never count alike: how far apart their clocks are, and what was played brought to the capture clock. Pure.

Each card's clock is a straight line of samples over time, fitted by least squares in which the past fades out, so that
a callback that is a few milliseconds late hardly matters. The difference of the two slopes is the drift. It is believed
only when the backlog of the echo reference has really moved in its direction: two streams of one card have none, and
touching their reference would cost more than it gains. From then on what was played is resampled by the drift, and a
slow loop holds the backlog where it was.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from hw.sound.frame import RATE_HZ

FADE_S = 60.0
READY_S = 30.0  # a younger line is a guess
DEAD_BAND_PPM = 10.0
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


class Stretcher:
    """Resamples by a ratio that may change at any time, through the cubic that joins four neighbours (Catmull-Rom).

    Unlike a filter it holds nothing back: the pairing with the captured sound does not move when it begins.
    """

    def __init__(self) -> None:
        self._past: npt.NDArray[np.float32] = np.zeros(4, np.float32)
        self._at = 4.0

    def remember(self, chunk: bytes) -> None:
        """Pass `chunk` by; should stretching begin, it begins seamlessly after it."""
        self._past = np.concatenate([self._past, np.frombuffer(chunk[-8:], "<i2")])[-4:].astype(np.float32)
        self._at = 4.0

    def stretch(self, chunk: bytes, ratio: float) -> bytes:
        """`chunk` with `ratio` input samples for each output sample."""
        known = np.concatenate([self._past, np.frombuffer(chunk, "<i2").astype(np.float32)])
        last = len(known) - 3  # the cubic needs two samples ahead, and one behind
        count = max(0, math.floor((last - self._at) / ratio) + 1)
        where = self._at + ratio * np.arange(count)
        whole = where.astype(np.int64)
        self._at += ratio * count - (last - 1)
        self._past = known[last - 1 :]
        return _cubic(known, whole, (where - whole).astype(np.float32))


def _cubic(known: npt.NDArray[np.float32], whole: npt.NDArray[np.int64], part: npt.NDArray[np.float32]) -> bytes:
    before, here, after, beyond = (known[whole + step] for step in (-1, 0, 1, 2))
    curve = 3 * (here - after) + beyond - before
    bend = 2 * before - 5 * here + 4 * after - beyond
    values = here + part * 0.5 * (after - before + part * (bend + part * curve))
    return bytes(np.clip(np.rint(values), -32768, 32767).astype("<i2").tobytes())


class DriftCorrector:
    """Resamples what was played so that it has as many samples as were captured meanwhile."""

    SETTLE_FRAMES = 500
    MOVED_SAMPLES = 192  # 4 ms: what the backlog must move before a drift is believed
    SMOOTH = 0.002  # per frame: a time constant of 10 s
    PULL_PPM = 0.2  # for each sample that the backlog is off
    MOST_PULL_PPM = 40.0

    def __init__(self) -> None:
        self._stretcher = Stretcher()
        self.reset()

    def reset(self) -> None:
        """Start again without correction: other streams, other clocks."""
        self.active = False
        self.restart()

    def restart(self) -> None:
        """The pairing was made anew: the backlog has another normal value."""
        self._frames = 0
        self._backlog = self._normal = 0.0

    def correct(self, played: bytes, ppm: float, backlog: int) -> bytes:
        """`played`, shortened or stretched by `ppm`; `backlog` is how many samples are in hand."""
        self._follow(float(backlog))
        moved = self._backlog - self._normal
        if not self.active:
            self.active = ppm != 0.0 and abs(moved) >= self.MOVED_SAMPLES and (moved > 0) == (ppm > 0)
        if not self.active:
            self._stretcher.remember(played)
            return played
        pull = max(-self.MOST_PULL_PPM, min(self.MOST_PULL_PPM, moved * self.PULL_PPM))
        return self._stretcher.stretch(played, 1.0 + (ppm + pull) * 1e-6)

    def _follow(self, backlog: float) -> None:
        """Average the backlog: at first to learn what is normal, later to see it move."""
        self._frames += 1
        weight = max(self.SMOOTH, 1 / self._frames)
        self._backlog += weight * (backlog - self._backlog)
        if self._frames <= self.SETTLE_FRAMES:
            self._normal = self._backlog

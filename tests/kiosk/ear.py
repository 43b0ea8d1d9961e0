"""An ear at a sound device of the stage: what is played now, and what went by while nobody could look."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from agent.mailbox import Mailbox
from hw.sound.frame import RATE_HZ

Chord = tuple[float, ...]

WINDOW = 8  # frames of 20 ms that are heard as one
KEPT = 1_500  # as long as a test is patient
LEAST_SAMPLES = 4800


class Ear:
    """Hears what a sound device plays; `on_frame` is called on the hub for each 20 ms."""

    def __init__(self, mailbox: Mailbox, on_frame: Callable[[], None]) -> None:
        self._frames: deque[tuple[int, bytes]] = deque(maxlen=KEPT)  # each with its number
        self._mailbox = mailbox
        self._on_frame = on_frame

    def __call__(self, frame: bytes) -> None:
        self._frames.append((self._count + 1, frame))
        self._mailbox.post(self._on_frame)

    def loudness(self) -> float:
        """RMS of the last 160 ms."""
        return _loudness(_pcm(list(self._frames)[-WINDOW:]))

    def hears(self, *hz: float) -> bool:
        """Whether these pitches, and nothing louder, are in what was played last."""
        return _has(_pcm(list(self._frames)[-WINDOW:]), hz)

    def listen(self, *chords: Chord) -> Callable[[], bool]:
        """Make what tells whether one of these was played since: a short tone may be over before anybody can look."""
        looked = self._count - 1

        def heard() -> bool:
            nonlocal looked
            frames = list(self._frames)
            fresh = [at for at, (number, _) in enumerate(frames, 1) if number > looked]
            looked = frames[-1][0] if frames else looked
            windows = (_pcm(frames[max(0, at - WINDOW) : at]) for at in fresh)
            return any(_has(pcm, chord) for pcm in windows for chord in chords)

        return heard

    @property
    def _count(self) -> int:
        return self._frames[-1][0] if self._frames else 0


def _pcm(frames: Sequence[tuple[int, bytes]]) -> Any:
    return np.frombuffer(b"".join(frame for _, frame in frames) or bytes(1920), "<i2").astype(float)


def _loudness(pcm: Any) -> float:
    return float(np.sqrt(np.mean(pcm**2)))


def _has(pcm: Any, chord: Chord) -> bool:
    if len(pcm) < LEAST_SAMPLES or _loudness(pcm) < 40:
        return False
    spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm))))
    resolution = RATE_HZ / len(pcm)
    parts = [spectrum[round(f / resolution) - 1 : round(f / resolution) + 2].max() for f in chord]
    return bool(min(parts) > 0.4 * spectrum.max())

"""How long sound was under way: cross-correlation of what was said with what was heard. Pure."""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray

from hw.sound.frame import RATE_HZ

FACTOR = 3  # 16 kHz: a sixteenth of a millisecond is fine enough
LONGEST_S = 1.0
ALIKE = 0.3
QUIET_RMS = 100.0

Sound = NDArray[np.int16]


def lag(said: Sound, heard: Sound) -> int | None:
    """The sample of `heard` at which `said` begins; None when nothing in it resembles it, or nothing was said."""
    if np.sqrt(np.mean(said.astype(np.float64) ** 2)) < QUIET_RMS or len(heard) <= len(said):
        return None
    one, other = (soxr.resample(sound.astype(np.float64), RATE_HZ, RATE_HZ // FACTOR) for sound in (said, heard))
    size = len(one) + len(other)
    products = np.fft.irfft(np.fft.rfft(other, size) * np.conj(np.fft.rfft(one, size)), size)
    products = products[: len(other) - len(one) + 1]
    power = np.concatenate(([0.0], np.cumsum(other**2)))
    energy = power[len(one) :] - power[: -len(one)]
    likeness = products / np.sqrt(energy * np.sum(one**2) + 1.0)
    best = int(np.argmax(likeness))
    return best * FACTOR if likeness[best] > ALIKE else None

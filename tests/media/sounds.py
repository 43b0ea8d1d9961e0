"""Made-up sounds, and how alike two of them are, for the tests of codecs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hw.sound.frame import FRAME_SAMPLES, RATE_HZ

Pcm = NDArray[np.int16]


def tone(hz: float, seconds: float, level: float = 8000.0) -> Pcm:
    """A sine."""
    time = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return np.rint(level * np.sin(2 * np.pi * hz * time)).astype(np.int16)


def voice(seconds: float, pitch_hz: float = 120.0, level: float = 6000.0) -> Pcm:
    """Something like babbling: harmonics up to 3 kHz, a pitch that moves a little, four syllables a second."""
    time = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    phase = 2 * np.pi * pitch_hz * (time + 0.003 * np.sin(2 * np.pi * 0.7 * time))
    sound = sum(np.sin(harmonic * phase + harmonic**2) / harmonic for harmonic in range(1, int(3000 / pitch_hz)))
    syllables = 0.02 + np.clip(np.sin(2 * np.pi * 4 * time) + 0.4, 0, 1)
    return np.rint(level * syllables * sound / np.max(np.abs(sound))).astype(np.int16)


def frames(pcm: Pcm) -> list[bytes]:
    """Whole 20 ms frames."""
    return [pcm[i : i + FRAME_SAMPLES].tobytes() for i in range(0, len(pcm) - FRAME_SAMPLES + 1, FRAME_SAMPLES)]


def pcm_of(made: list[bytes]) -> Pcm:
    """The reverse of `frames`."""
    return np.frombuffer(b"".join(made), np.int16)


def rms(pcm: Pcm) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(pcm.astype(np.float64) ** 2)))


def level_at(pcm: Pcm, hz: float) -> float:
    """The amplitude of one frequency."""
    time = np.arange(len(pcm)) / RATE_HZ
    return float(abs(np.mean(pcm * np.exp(-2j * np.pi * hz * time))) * 2)


def alike(said: Pcm, heard: Pcm, most_delay_ms: int = 60) -> float:
    """The correlation (-1..1) at the delay where it is greatest."""
    delays = np.arange(0, min(most_delay_ms * RATE_HZ // 1000, len(heard)), 6)
    lengths = np.minimum(len(said), len(heard) - delays)
    size = 1 << (len(said) + len(heard)).bit_length()
    spectra = [np.fft.rfft(sound.astype(np.float64), size) for sound in (said, heard)]
    products = np.fft.irfft(spectra[1] * spectra[0].conj(), size)[delays]
    ours, theirs = (np.concatenate(([0.0], np.cumsum(sound.astype(np.float64) ** 2))) for sound in (said, heard))
    norms = np.sqrt(ours[lengths] * (theirs[delays + lengths] - theirs[delays]))
    return float(np.max(np.divide(products, norms, out=np.zeros_like(products), where=norms > 0), initial=0.0))


def steps(pcm: Pcm) -> float:
    """The greatest second difference: a click makes it large."""
    return float(np.max(np.abs(np.diff(pcm.astype(np.float64), 2))))

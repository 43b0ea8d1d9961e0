"""Speech for the demonstration: what each side says, and whether the other side heard it.

Speech is made by espeak-ng. Whether it was heard is measured: pieces of what was said are looked
for in what was played at the other end, by normalised cross-correlation at 8 kHz.
"""

from __future__ import annotations

import subprocess
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from agent.errors import LocalFault

SpeechSamples = NDArray[np.float64]
CHECK_RATE_HZ = 8_000
SPEAK_WITHIN_S = 60.0
PIECE_S = 0.2  # shorter than the time between two corrections of the playout, which shift what follows
HEARD_AT_LEAST = 0.6  # other words reach 0.35; what went through codec and playout stays above 0.8


@dataclass(frozen=True)
class Hearing:
    """How well one side was heard: the median correlation of the pieces that were loud enough."""

    pieces: int
    correlation: float

    @property
    def ok(self) -> bool:
        """Whether what was said came through."""
        return self.pieces >= 3 and self.correlation >= HEARD_AT_LEAST


def speak(text: str, path: Path, voice: str = "en") -> Path:
    """Write `text`, spoken, as a WAV file; raises LocalFault when there is no espeak-ng."""
    command = ["espeak-ng", "-v", voice, "-s", "150", "-w", str(path), text]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=SPEAK_WITHIN_S)
    except FileNotFoundError:
        raise LocalFault("espeak-ng is not installed: install it with apt-get install espeak-ng") from None
    except subprocess.TimeoutExpired:
        raise LocalFault(f"espeak-ng did not speak within {SPEAK_WITHIN_S:g} s") from None
    except subprocess.CalledProcessError as error:
        raise LocalFault(f"espeak-ng could not speak: {error.stderr.decode(errors='replace').strip()}") from None
    return path


def read(path: Path) -> SpeechSamples:
    """Read a 16-bit WAV file's first channel at the rate of the check, -1..1."""
    with wave.open(str(path)) as file:
        rate_hz, channels = file.getframerate(), file.getnchannels()
        raw = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    samples = raw[::channels].astype(np.float64) / 32768
    resampled: SpeechSamples = soxr.resample(samples, rate_hz, CHECK_RATE_HZ)
    return resampled


def from_pcm(pcm: bytes) -> SpeechSamples:
    """Convert 48 kHz mono int16 to samples at the rate of the check, -1..1."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float64) / 32768
    resampled: SpeechSamples = soxr.resample(samples, 48_000, CHECK_RATE_HZ)
    return resampled


def hearing(said: SpeechSamples, heard: SpeechSamples) -> Hearing:
    """Look for each loud piece of `said` in `heard`."""
    size = int(PIECE_S * CHECK_RATE_HZ)
    pieces = [said[at : at + size] for at in range(0, len(said) - size, size)]
    loud = [piece for piece in pieces if np.sqrt(np.mean(piece**2)) > 0.02]
    if not loud or len(heard) < size:
        return Hearing(0, 0.0)
    return Hearing(len(loud), float(np.median([_best_match(piece, heard) for piece in loud])))


def _best_match(piece: SpeechSamples, heard: SpeechSamples) -> float:
    """The highest normalised cross-correlation of `piece` anywhere in `heard`."""
    size = len(heard) + len(piece) - 1
    spectrum = np.fft.rfft(heard, size) * np.conj(np.fft.rfft(piece, size))
    products = np.fft.irfft(spectrum, size)[: len(heard) - len(piece) + 1]
    energy = np.cumsum(np.concatenate(([0.0], heard**2)))
    windows = energy[len(piece) :] - energy[: -len(piece)]
    floor = 1e-3 * float(np.sum(piece**2))
    scores = products / np.sqrt(np.maximum(windows, floor) * float(np.sum(piece**2)))
    return float(np.max(scores))

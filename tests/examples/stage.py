"""A switchboard and the examples as processes of their own, and the notes that they exchange."""

from __future__ import annotations

import subprocess
import sys
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hw.sound.frame import RATE_HZ

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60

Samples = np.ndarray


@dataclass(frozen=True)
class Service:
    """A switchboard in a process of its own, as a program outside of this one finds it."""

    server: str
    folder: Path

    @property
    def arguments(self) -> tuple[str, ...]:
        return ("--server", self.server, "--ca-file", str(self.folder / "ca.pem"),
                "--key-file", str(self.folder / "api_key.json"))  # fmt: skip


class Example:
    """One of the programs under examples/, running."""

    def __init__(self, name: str, *arguments: str) -> None:
        pipe = subprocess.PIPE
        command = [sys.executable, "-m", f"examples.{name}", *arguments]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True)

    def until_it_says(self, word: str) -> str:
        """The line that has `word`; what stands before it is passed over."""
        assert self._process.stdout is not None
        while word not in (line := self._process.stdout.readline()):
            assert line, self._process.communicate()[1]
        return line

    def end(self) -> tuple[int, str, str]:
        """Wait for its end: exit status, and what it said on both outputs."""
        said, complained = self._process.communicate(timeout=PATIENCE_S)
        return self._process.returncode, said, complained

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


def write_tone(path: Path, hz: float, seconds: float) -> str:
    """A WAV file of one note."""
    note = (12_000 * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(note.tobytes())
    return str(path)


def has_tone(path: Path, hz: float) -> bool:
    """Whether a quarter of a second of the recording is mostly this note."""
    with wave.open(str(path), "rb") as file:
        heard = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)
    length = RATE_HZ // 4
    pieces = [heard[at : at + length] for at in range(0, len(heard) - length, length)]
    return any(_share(piece, hz) > 0.5 for piece in pieces if np.abs(piece).max() > 1_000)


def _share(piece: Samples, hz: float) -> float:
    power = np.abs(np.fft.rfft(piece * np.hanning(len(piece)))) ** 2
    at = round(hz * len(piece) / RATE_HZ)
    return float(power[max(0, at - 5) : at + 6].sum() / power.sum())

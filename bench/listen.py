"""Speaks into a virtual microphone, and hears with the time at which each sample was played."""

from __future__ import annotations

import os
import subprocess
import threading
import time
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.speech import pieces
from bench.stage import End, ending
from hw.sound.frame import RATE_HZ

CHUNK_BYTES = RATE_HZ // 200 * 2
FRESH_S = 2.0

Sound = NDArray[np.int16]


class Recording:
    """What the monitor of one sink gives from now on; `close` before reading it."""

    def __init__(self, end: End, sink: str) -> None:
        command = ["parec", "--raw", "--latency-msec=5", "-d", f"{sink}.monitor", "--format=s16le",
                   f"--rate={RATE_HZ}", "--channels=1"]  # fmt: skip
        self._process = subprocess.Popen(command, env=os.environ | end.environment, stdout=subprocess.PIPE, bufsize=0)
        self._pieces: list[tuple[float, bytes]] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        while piece := self._process.stdout.read(CHUNK_BYTES):
            self._pieces.append((time.monotonic(), piece))

    def close(self) -> Heard:
        """Stop; what was recorded."""
        with ending(self._process):
            pass
        self._thread.join(5)
        return Heard(self._pieces)


class Heard:
    """Samples and the time of each: pieces can be handed over late but never early, so the earliest ones tell."""

    def __init__(self, pieces: list[tuple[float, bytes]]) -> None:
        self.pcm: Sound = np.frombuffer(b"".join(piece for _, piece in pieces), np.int16)
        ends = np.cumsum([len(piece) // 2 for _, piece in pieces])
        self._ends = ends / RATE_HZ
        self._offsets = np.array([at for at, _ in pieces]) - self._ends

    def began_at(self, sample: int) -> float:
        """When the recording would have begun, judged by what was handed over near `sample`."""
        near = np.abs(self._ends - sample / RATE_HZ) < FRESH_S
        return float(self._offsets[near].min())

    def time_of(self, sample: int) -> float:
        """Monotonic seconds."""
        return self.began_at(sample) + sample / RATE_HZ

    def sample_at(self, time_s: float) -> int:
        """The sample that was heard then."""
        return round((time_s - float(self._offsets.min())) * RATE_HZ)


def write_speech(wav: Path) -> None:
    """About half a minute of speech by four voices."""
    with wave.open(str(wav), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(np.concatenate(pieces()).tobytes())


def speak(end: End, wav: Path) -> subprocess.Popen[bytes]:
    """Begin to play a file into an end's microphone."""
    return subprocess.Popen(["paplay", "-d", "mic", str(wav)], env=os.environ | end.environment)

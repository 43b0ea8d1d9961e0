"""Snapshots of a stream of sound, from which levels are computed elsewhere (spec: quality 4)."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from hw.sound.frame import RATE_HZ

SNAPSHOT_SAMPLES = 32
INTERVAL_SAMPLES = RATE_HZ * 50 // 1000
MAX_SNAPSHOTS = 200  # ten seconds


class SnapshotTap:
    """Keeps the last 32 samples of every 50 ms of sound until they are taken; drops the oldest after ten seconds."""

    def __init__(self) -> None:
        self._kept: deque[bytes] = deque(maxlen=MAX_SNAPSHOTS)
        self._due = INTERVAL_SAMPLES

    def feed(self, pcm: bytes) -> None:
        """Pass 48 kHz mono int16 sound through, at least 32 samples at a time."""
        length = len(pcm) // 2
        while self._due <= length:
            end = max(self._due, SNAPSHOT_SAMPLES)
            self._kept.append(pcm[2 * (end - SNAPSHOT_SAMPLES) : 2 * end])
            self._due += INTERVAL_SAMPLES
        self._due -= length

    def take(self) -> tuple[NDArray[np.int16], ...]:
        """The snapshots since the last call, oldest first."""
        taken = []
        while self._kept:
            taken.append(np.frombuffer(self._kept.popleft(), np.int16))
        return tuple(taken)

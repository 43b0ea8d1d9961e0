"""Between a card's own rate and channels and the one format of this program. Most cards need none of it."""

from __future__ import annotations

import time

import numpy as np
import soxr

from hw.sound.frame import RATE_HZ
from hw.sound.rings import PlayoutRing


class CaptureConverter:
    """Turns a captured chunk into 48 kHz mono."""

    def __init__(self, rate_hz: int, channels: int) -> None:
        self._rate_hz = rate_hz
        self._channels = channels
        self._resampler = _resampler(rate_hz, RATE_HZ)
        self._ready = bytearray()

    def samples(self, frames: int) -> int:
        """Count the 48 kHz samples that many of the card's frames last."""
        return frames * RATE_HZ // self._rate_hz

    def __call__(self, chunk: bytes) -> bytes:
        """48 kHz mono int16 bytes that last as long as the chunk, also where rates differ."""
        if self._channels == 1 and self._resampler is None:
            return chunk
        signal = np.frombuffer(chunk, "<i2")
        if self._channels > 1:
            # Not the mean: a mono microphone on a stereo jack often leaves the other channel silent or inverted.
            signal = np.ascontiguousarray(signal[:: self._channels])
        if self._resampler is None:
            return bytes(signal.tobytes())
        self._ready += self._resampler.resample_chunk(signal).tobytes()
        return self._take(2 * self.samples(len(signal)))

    def _take(self, size: int) -> bytes:
        """What the resampler holds back at its beginning is silence: else each frame would wait for another chunk."""
        piece = bytes(self._ready[:size]).rjust(size, b"\0")
        del self._ready[:size]
        return piece


class PlaybackConverter:
    """Fills a card's buffer from the playout ring."""

    def __init__(self, rate_hz: int, channels: int) -> None:
        self._channels = channels
        self._resampler = _resampler(RATE_HZ, rate_hz)
        self._ready = bytearray()
        self.frame_bytes = 2 * channels

    def fill(self, needed: int, ring: PlayoutRing) -> bytes:
        """Take exactly `needed` bytes in the card's format; called by the playback callback."""
        if self._channels == 1 and self._resampler is None:
            return ring.take(time.monotonic())
        while len(self._ready) < needed:
            self._ready += self._converted(ring.take(time.monotonic()))
        piece = bytes(self._ready[:needed])
        del self._ready[:needed]
        return piece

    def _converted(self, mono: bytes) -> bytes:
        signal = np.frombuffer(mono, "<i2")
        if self._resampler is not None:
            signal = self._resampler.resample_chunk(signal)
        return bytes((np.repeat(signal, self._channels) if self._channels > 1 else signal).tobytes())


def _resampler(from_hz: int, to_hz: int) -> soxr.ResampleStream | None:
    if from_hz == to_hz:
        return None
    return soxr.ResampleStream(from_hz, to_hz, 1, dtype="int16", quality="LQ")

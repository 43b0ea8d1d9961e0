"""WAV files in and out: any rate, width and channel count is read; a recording that is cut off stays valid."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

from hw.closing import Closing
from hw.errors import ToneError
from hw.sound.frame import FRAME_BYTES, RATE_HZ
from hw.sound.wav_format import WavFormat
from hw.sound.wav_open import open_wav, unreadable

MOST_KEPT_S = 10  # of a sound that is kept in memory: 1 MB
MOST_BLOCK_BYTES = 1 << 20  # read at once
HEADER_BYTES = 44
MOST_SKIPPED_BYTES = 1 << 31  # six hours
FRAMES_PER_FLUSH = 25  # half a second of audio is the most that a kill can cost

WavSamples = npt.NDArray[np.float32]


class WavReader(Closing):
    """A WAV file as 48 kHz mono int16, a second or less at a time: however long it is, so much memory it takes."""

    def __init__(self, path: str | Path) -> None:
        """Open the file; ToneError names it and what is wrong with it."""
        self.path = Path(path)
        self._file, self.format = open_wav(path)

    def close(self) -> None:
        """Let the file go; idempotent."""
        self._file.close()

    def blocks(self) -> Iterator[bytes]:
        """Read it from its beginning, one reader at a time; ToneError when it cannot be read any more."""
        chosen, file = self.format, self._file
        resampler = soxr.ResampleStream(chosen.rate_hz, RATE_HZ, 1) if chosen.rate_hz != RATE_HZ else None
        left, at_once = chosen.frames, min(chosen.rate_hz, MOST_BLOCK_BYTES // chosen.frame_bytes)
        try:
            file.seek(chosen.data_at)
            while left > 0:
                raw = file.read(min(left, at_once) * chosen.frame_bytes)
                left = left - len(raw) // chosen.frame_bytes if raw else 0
                whole = raw[: len(raw) // chosen.frame_bytes * chosen.frame_bytes]
                if chosen.is_ours:
                    yield whole
                    continue
                mono = _mono(whole, chosen)
                yield _whole_steps(resampler.resample_chunk(mono, last=not left) if resampler else mono)
        except (OSError, ValueError) as error:  # ValueError: it was closed
            raise unreadable(self.path, error) from error


def load_pcm(path: str | Path, most_s: float = MOST_KEPT_S) -> bytes:
    """Read the beginning of a WAV file, so many seconds at most, as 48 kHz mono int16.

    ToneError names the file and what is wrong with it.
    """
    most_bytes = round(most_s * RATE_HZ) * 2
    pcm = bytearray()
    with WavReader(path) as reader:
        for block in reader.blocks():
            pcm += block
            if len(pcm) >= most_bytes:
                break
    return bytes(pcm[:most_bytes])


def _mono(whole: bytes, chosen: WavFormat) -> WavSamples:
    """The mean of all channels, -1..1."""
    return np.asarray(_samples(whole, chosen).reshape(-1, chosen.channels).mean(axis=1, dtype=np.float32))


def _whole_steps(mono: WavSamples) -> bytes:
    return bytes(np.clip(np.rint(np.nan_to_num(mono) * 32768.0), -32768, 32767).astype("<i2").tobytes())


def _samples(raw: bytes, chosen: WavFormat) -> WavSamples:
    width = chosen.width
    if chosen.is_float:
        with np.errstate(over="ignore"):  # numbers that no sound has
            return np.nan_to_num(np.frombuffer(raw, f"<f{width}").astype(np.float32), posinf=1.0, neginf=-1.0)
    if width == 1:
        return (np.frombuffer(raw, np.uint8).astype(np.float32) - 128.0) / 128.0
    if width == 3:
        octets = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        padded = np.zeros((len(octets), 4), np.uint8)
        padded[:, 1:] = octets
        return padded.view("<i4").ravel().astype(np.float32) / np.float32(2.0**31)
    return np.frombuffer(raw, f"<i{width}").astype(np.float32) / np.float32(2.0 ** (8 * width - 1))


def _header(data_bytes: int) -> bytes:
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE_HZ, RATE_HZ * 2, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", 36 + data_bytes, b"WAVE") + fmt + struct.pack("<4sI", b"data", data_bytes)


class WavWriter(Closing):
    """Writes 48 kHz mono int16 frames; the header counts only what is on disk, so a kill leaves a playable file."""

    def __init__(self, path: str | Path) -> None:
        """Create the file at once; ToneError says why it cannot be written."""
        try:
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise ToneError(f"cannot write the sound file {path}: {error.strerror or error}") from error
        self._written = 0
        self._pending = bytearray()
        os.pwrite(self._fd, _header(0), 0)

    def write(self, frame: bytes) -> None:
        """Add samples; a closed writer ignores them."""
        if self._fd < 0:
            return
        self._pending += frame
        if len(self._pending) >= FRAMES_PER_FLUSH * FRAME_BYTES:
            self.flush()

    def skip(self, samples: int) -> None:
        """Add so much silence, which takes no room on the disk; as far as the header can count."""
        self.flush()
        if self._fd >= 0:
            self._written = max(self._written, min(self._written + 2 * samples, MOST_SKIPPED_BYTES))
            os.ftruncate(self._fd, HEADER_BYTES + self._written)
            os.pwrite(self._fd, _header(self._written), 0)

    def flush(self) -> None:
        """Put everything on disk, data before the header that counts it."""
        if self._fd < 0 or not self._pending:
            return
        os.pwrite(self._fd, self._pending, HEADER_BYTES + self._written)
        self._written += len(self._pending)
        self._pending.clear()
        os.pwrite(self._fd, _header(self._written), 0)

    def close(self) -> None:
        """Finish the file; idempotent."""
        if self._fd >= 0:
            self.flush()
            os.close(self._fd)
            self._fd = -1

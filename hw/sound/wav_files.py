"""WAV files in and out: any rate and channel count is read, and a recording that is cut off stays valid."""

from __future__ import annotations

import os
import struct
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

from hw.errors import ToneError
from hw.sound.frame import FRAME_BYTES, RATE_HZ

HEADER_BYTES = 44
FRAMES_PER_FLUSH = 25  # half a second of audio is the most that a kill can cost


def load_pcm(path: str | Path) -> bytes:
    """Read a WAV file as 48 kHz mono int16 bytes; ToneError names the file and what is wrong with it."""
    try:
        with wave.open(str(path), "rb") as file:
            rate, channels, width = file.getframerate(), file.getnchannels(), file.getsampwidth()
            raw = file.readframes(file.getnframes())
    except OSError as error:
        raise ToneError(f"cannot read the sound file {path}: {error.strerror or error}") from error
    except (wave.Error, EOFError) as error:
        raise ToneError(f"{path} is no PCM WAV file ({error}): convert it, for example with sox") from error
    if not raw or rate <= 0:
        raise ToneError(f"{path} has no sound in it: choose another file")
    return to_pcm(_samples(raw, width), rate, channels)


def to_pcm(samples: npt.NDArray[np.float32], rate_hz: int, channels: int) -> bytes:
    """Turn interleaved samples (-1..1) of any rate and channel count into 48 kHz mono int16 bytes."""
    whole = samples[: len(samples) // channels * channels]
    mono = whole.reshape(-1, channels).mean(axis=1, dtype=np.float32)
    if rate_hz != RATE_HZ:
        mono = np.asarray(soxr.resample(mono, rate_hz, RATE_HZ), np.float32)
    whole_steps = np.clip(np.rint(mono * 32768.0), -32768, 32767)
    return bytes(whole_steps.astype("<i2").tobytes())


def _samples(raw: bytes, width: int) -> npt.NDArray[np.float32]:
    if width == 1:
        return (np.frombuffer(raw, np.uint8).astype(np.float32) - 128.0) / 128.0
    if width == 3:
        octets = np.frombuffer(raw[: len(raw) // 3 * 3], np.uint8).reshape(-1, 3)
        padded = np.zeros((len(octets), 4), np.uint8)
        padded[:, 1:] = octets
        return padded.view("<i4").ravel().astype(np.float32) / 2.0**31
    whole = raw[: len(raw) // width * width]
    return np.frombuffer(whole, f"<i{width}").astype(np.float32) / np.float32(2.0 ** (8 * width - 1))


def _header(data_bytes: int) -> bytes:
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, RATE_HZ, RATE_HZ * 2, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", 36 + data_bytes, b"WAVE") + fmt + struct.pack("<4sI", b"data", data_bytes)


class WavWriter:
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

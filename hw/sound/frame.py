"""The one frame format of the program: 20 ms of 48 kHz mono signed 16-bit little-endian samples, 1920 bytes."""

from __future__ import annotations

from collections.abc import Callable

RATE_HZ = 48_000
FRAME_MS = 20
FRAME_SAMPLES = RATE_HZ * FRAME_MS // 1000
FRAME_BYTES = FRAME_SAMPLES * 2
BYTES_PER_MS = RATE_HZ * 2 // 1000
SILENCE = bytes(FRAME_BYTES)

FrameSink = Callable[[bytes], None]  # takes one frame

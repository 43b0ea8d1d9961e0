"""What a box in a bench says, and whether anything is heard."""

from __future__ import annotations

import numpy as np

from hw.sound.frame import RATE_HZ

HEIGHT = 8_000
AUDIBLE = 500


def tone(hz: int) -> bytes:
    """Make one second of a tone, 48 kHz mono int16."""
    wave = HEIGHT * np.sin(2 * np.pi * hz * np.arange(RATE_HZ) / RATE_HZ)
    return bytes(wave.astype(np.int16).tobytes())


def is_loud(frame: bytes) -> bool:
    """Tell whether a frame of 16 bits can be heard."""
    return bool(np.abs(np.frombuffer(frame, np.int16)).max() > AUDIBLE)

"""Arithmetic on chunks of 16-bit samples. Pure."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

PcmSamples = NDArray[np.int16]
FloatSamples = NDArray[np.float32]  # of any scale


def mixed(first: bytes, second: bytes) -> bytes:
    """Add two chunks of int16 samples of one length, clipped."""
    total = np.frombuffer(first, "<i2").astype(np.int32) + np.frombuffer(second, "<i2")
    return bytes(np.clip(total, -32768, 32767).astype("<i2").tobytes())


def scaled(pcm: bytes, gain: float) -> bytes:
    """Multiply int16 samples by `gain`, clipped."""
    if gain == 1.0:
        return pcm
    louder = np.frombuffer(pcm, "<i2") * np.float32(gain)
    return bytes(np.clip(louder, -32768, 32767).astype("<i2").tobytes())


def level_db(pcm: bytes) -> float:
    """Measure the mean power of int16 samples in dB of full scale; -100 for silence."""
    if not pcm:
        return -100.0
    power = float(np.mean(np.square(np.frombuffer(pcm, "<i2"), dtype=np.float64)))
    return 10 * math.log10(power / 32768.0**2 + 1e-10)

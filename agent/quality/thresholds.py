"""Limits of call quality: what is watched, and in what window (spec: quality 6.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ThresholdKind = Literal["max", "min", "maxAverage", "minAverage", "maxDuration", "minStandardDeviation"]


@dataclass(frozen=True)
class Threshold:
    """One limit on one member of a sample.

    `max` and `min` are raised by `raise_count` bad values in the window and cleared by at most `clear_count`; averages
    compare the mean of a full window with `limit`, and with `clear_value` on the way back; `maxDuration` counts how
    often the value repeated itself; `minStandardDeviation` looks at all levels of the window. `sample_count` is the
    window; None means the whole buffer.
    """

    stat: str
    kind: ThresholdKind
    limit: float
    clear_value: float | None = None
    raise_count: int = 3
    clear_count: int = 0
    sample_count: int | None = None


DEFAULT_THRESHOLDS = (
    Threshold("audioInputLevel", "minStandardDeviation", 327.67, sample_count=10),
    Threshold("audioOutputLevel", "minStandardDeviation", 327.67, sample_count=10),
    Threshold("bytesReceived", "min", 1, clear_count=2, sample_count=3),
    Threshold("bytesSent", "min", 1, clear_count=2, sample_count=3),
    Threshold("jitter", "max", 30),
    Threshold("mos", "min", 3),
    Threshold("packetsLostFraction", "max", 1),
    Threshold("packetsLostFraction", "maxAverage", 3, clear_value=1, sample_count=7),
    Threshold("rtt", "max", 400),
)

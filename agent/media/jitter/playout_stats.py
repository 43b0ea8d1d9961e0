"""What the playout buffer did so far, in figures. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class PlayoutStats:
    """Packets and milliseconds counted since the start, and the state of this moment (`delay_ms`, `target_ms`)."""

    received: int = 0
    decoded: int = 0
    recovered: int = 0
    concealed_ms: float = 0.0
    late: int = 0
    duplicates: int = 0
    dropped: int = 0
    starts: int = 0
    inserted_ms: float = 0.0
    removed_ms: float = 0.0
    delay_ms: float = 0.0  # from the latest packet's arrival to the hand-over of its first sample
    target_ms: float = 0.0

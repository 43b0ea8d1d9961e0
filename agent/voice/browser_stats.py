"""What a browser says of a stream that has brought nothing yet; those of today know zeros (spec: quality)."""

from __future__ import annotations

from dataclasses import replace

from agent.media.stats import RawStats


def nothing_known(raw: RawStats) -> RawStats:
    """Know nothing of a stream that has not begun, not even that it brought no bytes."""
    if raw.packets_received:
        return raw
    return replace(raw, packets_received=None, packets_lost=None, bytes_received=None, jitter_ms=None)


def nothing_received(raw: RawStats) -> RawStats:
    """Know that a stream that has not begun brought nothing."""
    return replace(
        raw,
        packets_received=raw.packets_received or 0,
        packets_lost=raw.packets_lost or 0,
        bytes_received=raw.bytes_received or 0,
        jitter_ms=raw.jitter_ms or 0.0,
    )

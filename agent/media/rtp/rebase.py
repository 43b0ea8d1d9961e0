"""Moves timestamps and sequence numbers of whatever is sent onto one stream of ours (RFC 3550 section 7). Pure.

What is sent may be encoded here, or forwarded from another stream, whose numbers begin elsewhere and jump when it does.
"""

from __future__ import annotations

import secrets

from agent.media.rtp.packet import MAX_UINT16, MAX_UINT32, sequence_distance

MOST_SKIPPED = 64  # a forwarded number further ahead or behind belongs to another stream
REBASE_S = 10.0  # a forwarded timestamp this far from the clock belongs to another stream


class TimestampBase:
    """Moves timestamps onto a clock of ours; a jump of the origin becomes no jump of ours."""

    def __init__(self) -> None:
        self._start = secrets.randbits(32)
        self._clocks: dict[int, tuple[int, int, float]] = {}  # by frequency: offset, our last timestamp, its time

    def move(self, timestamp: int, clock_hz: int, now: float) -> int:
        """Translate the origin's timestamp into ours."""
        offset, last, last_at = self._clocks.get(clock_hz, (0, self._start, now))
        expected = last + round((now - last_at) * clock_hz) & MAX_UINT32
        ours = timestamp + offset & MAX_UINT32
        off = (ours - expected + 0x80000000 & MAX_UINT32) - 0x80000000
        if clock_hz not in self._clocks or abs(off) > REBASE_S * clock_hz:
            offset, ours = expected - timestamp, expected
        self._clocks[clock_hz] = offset, ours, now
        return ours


class SequenceBase:
    """Numbers what is sent. Forwarded packets keep their distances, so that the far end can repair their losses."""

    def __init__(self) -> None:
        self._last = secrets.randbits(15)
        self._offset: int | None = None  # of a forwarded stream's numbers
        self._skipped: dict[int, int] = {}  # places kept for forwarded packets that may still come: origin's, ours

    def move(self, origin: int | None) -> int | None:
        """Number the next packet, or the forwarded one with number `origin`; None when that place is gone."""
        ahead = self._ahead(origin)
        if origin is None or ahead is None:
            return self._next(origin)
        if ahead <= 0:
            return self._skipped.pop(origin, None)
        self._skip(origin, ahead - 1)
        self._last = self._last + 1 & MAX_UINT16
        return self._last

    def leave_out(self, origin: int) -> None:
        """Close the gap of a forwarded packet that is not sent, so that it does not count as lost; real losses stay."""
        ahead = self._ahead(origin)
        if ahead is not None and ahead > 0 and self._offset is not None:
            self._skip(origin, ahead - 1)
            self._offset -= 1

    def _ahead(self, origin: int | None) -> int | None:
        """How far behind the latest number the origin's one belongs; None where it begins another stream."""
        if origin is None or self._offset is None:
            return None
        ahead = sequence_distance(origin + self._offset & MAX_UINT16, self._last)
        return ahead if abs(ahead) <= MOST_SKIPPED else None

    def _next(self, origin: int | None) -> int:
        self._last = self._last + 1 & MAX_UINT16
        self._offset = None if origin is None else self._last - origin
        self._skipped.clear()
        return self._last

    def _skip(self, origin: int, count: int) -> None:
        """Keep the places of the `count` packets before `origin`."""
        recent = self._skipped.items()
        self._skipped = {theirs: ours for theirs, ours in recent if sequence_distance(self._last, ours) < MOST_SKIPPED}
        for before in range(count, 0, -1):
            self._last = self._last + 1 & MAX_UINT16
            self._skipped[origin - before & MAX_UINT16] = self._last

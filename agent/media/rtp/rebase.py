"""Moves timestamps and sequence numbers of whatever is sent onto one stream of ours (RFC 3550 section 7). Pure.

What is sent may be encoded here, or forwarded from another stream, whose numbers begin elsewhere and jump when it does.
"""

from __future__ import annotations

import secrets

from agent.media.rtp.packet import MAX_UINT16, MAX_UINT32, sequence_distance

EVENT_OFF_S = 1.0  # an event that begins this far from the clock has a clock of its own
KEPT_EVENTS = 4  # whose last packets may come late
LONGEST_EVENT = 0xFFFF  # units of its own clock; then it goes on in another segment (RFC 4733 section 2.5.1.3)
EVENT_RATIOS = (1, 6)  # of the sound's clock to that of an event
MOST_SKIPPED = 64  # a forwarded number further ahead or behind belongs to another stream
REBASE_S = 10.0  # a forwarded timestamp this far from the clock belongs to another stream


class TimestampBase:
    """Moves timestamps onto a clock of ours; a jump of the origin becomes no jump of ours."""

    def __init__(self) -> None:
        self._start = secrets.randbits(32)
        self._clocks: dict[int, tuple[int, int, float]] = {}  # by frequency: offset, our last timestamp, its time
        self._events = EventStarts(0)

    def move(self, timestamp: int, clock_hz: int, now: float) -> int:
        """Translate the origin's timestamp into ours."""
        known = self._clocks.get(clock_hz)
        if known is None:
            offset, ours = self._start - timestamp, self._start
        else:
            offset, last, last_at = known
            ours, expected = timestamp + offset & MAX_UINT32, last + round((now - last_at) * clock_hz) & MAX_UINT32
            off = (ours - expected + 0x80000000 & MAX_UINT32) - 0x80000000
            if off > (most := REBASE_S * clock_hz) or off < -most:
                offset, ours = expected - timestamp, expected
        self._clocks[clock_hz] = offset, ours, now
        return ours

    def place(self, timestamp: int, clock_hz: int, marker: bool, now: float) -> int:
        """Translate the start of an event, which may come from another stream than the sound."""
        if self._events.clock_hz != clock_hz:
            self._events = EventStarts(clock_hz)
        known = self._events.find(timestamp, marker)
        if known is not None:
            return known
        if clock_hz not in self._clocks:
            self.move(timestamp, clock_hz, now)
        ours, expected = self._ours(timestamp, clock_hz, now)
        is_strange = abs(_ahead(ours, expected)) > EVENT_OFF_S * clock_hz
        return self._events.begin(timestamp, expected if is_strange else ours, now)

    def _ours(self, timestamp: int, clock_hz: int, now: float) -> tuple[int, int]:
        """What the timestamp becomes if the origin goes on as before, and what the clock says."""
        offset, last, last_at = self._clocks.get(clock_hz, (0, self._start, now))
        return timestamp + offset & MAX_UINT32, last + round((now - last_at) * clock_hz) & MAX_UINT32


class EventStarts:
    """Where the latest events were placed, by their origin's start: an event stays where it began while it goes on."""

    def __init__(self, clock_hz: int) -> None:
        self.clock_hz = clock_hz
        self._placed: dict[int, int] = {}  # by the origin's timestamp, the newest at the end
        self._newest: tuple[int, float] | None = None  # the start of it, and when it came

    def find(self, timestamp: int, marker: bool) -> int | None:
        """Return the place of an event that goes on, in its own or in its next segment."""
        if timestamp in self._placed:
            return self._placed[timestamp]
        if marker or not self._placed:
            return None
        before, ours = next(reversed(self._placed.items()))
        since = timestamp - before & MAX_UINT32
        if since not in [LONGEST_EVENT * ratio for ratio in EVENT_RATIOS]:
            return None
        return self._keep(timestamp, ours + since & MAX_UINT32)

    def begin(self, timestamp: int, ours: int, now: float) -> int:
        """Place an event that begins: not before the one before it, whatever clocks both have."""
        if self._newest is not None:
            before, at = self._newest
            earliest = before + round((now - at) * self.clock_hz) & MAX_UINT32
            ours = earliest if _ahead(ours, before) <= 0 else ours
        self._newest = ours, now
        return self._keep(timestamp, ours)

    def _keep(self, timestamp: int, ours: int) -> int:
        self._placed[timestamp] = ours
        while len(self._placed) > KEPT_EVENTS:
            del self._placed[next(iter(self._placed))]
        return ours


def _ahead(later: int, earlier: int) -> int:
    """By how much one timestamp follows another, also around the wrap."""
    return (later - earlier + 0x80000000 & MAX_UINT32) - 0x80000000


class SequenceBase:
    """Numbers what is sent. Forwarded packets keep their distances, so that the far end can repair their losses."""

    def __init__(self) -> None:
        self._last = secrets.randbits(15)
        self._offset: int | None = None  # of a forwarded stream's numbers
        self._skipped: dict[int, int] = {}  # places kept for forwarded packets that may still come: origin's, ours

    def move(self, origin: int | None) -> int | None:
        """Number the next packet, or the forwarded one with number `origin`; None when that place is gone."""
        if origin is None:
            return self.next()
        ahead = self._ahead(origin)
        if ahead is None:
            self._offset = self.next() - origin
            return self._last
        if ahead <= 0:
            return self._skipped.pop(origin, None)
        self._skip(origin, ahead - 1)
        self._last = self._last + 1 & MAX_UINT16
        return self._last

    def next(self) -> int:
        """Number the next packet of our own."""
        self._last = self._last + 1 & MAX_UINT16
        if self._offset is not None:
            self._offset = None
            self._skipped.clear()
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

    def _skip(self, origin: int, count: int) -> None:
        """Keep the places of the `count` packets before `origin`."""
        recent = self._skipped.items()
        self._skipped = {theirs: ours for theirs, ours in recent if sequence_distance(self._last, ours) < MOST_SKIPPED}
        for before in range(count, 0, -1):
            self._last = self._last + 1 & MAX_UINT16
            self._skipped[origin - before & MAX_UINT16] = self._last

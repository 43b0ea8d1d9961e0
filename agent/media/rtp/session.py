"""One RTP stream each way and the RTCP about both (RFC 3550): numbers, clocks and counters, but no sound.

What is sent keeps one source and one sequence for the whole call, whatever the packets' origin: encoded microphone
sound, telephone events or packets relayed from another leg, whose timestamps are moved onto our clock.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterable

from agent.media.rtp.packet import MAX_UINT16, MAX_UINT32, RtpPacket, parse_rtp, sequence_distance, write_rtp
from agent.media.rtp.rtcp import ReceiveCounters, RtcpSession, SentCounters
from agent.media.sdp.parse import EVENT, Codec

FIRST_REPORT_S = 1.0
REPORT_INTERVAL_S = 2.5
SOURCE_SILENCE_S = 0.1  # another source may take over once the present one was silent this long
MOST_SKIPPED = 64  # a relayed number further ahead or behind belongs to another stream
REBASE_S = 10.0  # a relayed timestamp this far from the clock belongs to another stream


class TimestampBase:
    """Moves the timestamps of whatever is sent onto a clock of ours; a jump of the origin becomes no jump of ours."""

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
    """Numbers what is sent. Relayed packets keep their distances, so that the far end can repair their losses."""

    def __init__(self) -> None:
        self._last = secrets.randbits(15)
        self._offset: int | None = None  # of a relayed stream's numbers
        self._skipped: set[int] = set()

    def move(self, origin: int | None) -> int | None:
        """Number the next packet, or the relayed one with number `origin`; None when that place is gone."""
        if origin is None or self._offset is None:
            return self._next(origin)
        ours = origin + self._offset & MAX_UINT16
        ahead = sequence_distance(ours, self._last)
        if abs(ahead) > MOST_SKIPPED:
            return self._next(origin)
        if ahead <= 0:
            if ours not in self._skipped:
                return None
            self._skipped.discard(ours)
            return ours
        self._skip(ahead - 1)
        self._last = ours
        return ours

    def _next(self, origin: int | None) -> int:
        self._last = self._last + 1 & MAX_UINT16
        self._offset = None if origin is None else self._last - origin
        self._skipped.clear()
        return self._last

    def _skip(self, count: int) -> None:
        recent = {number for number in self._skipped if sequence_distance(self._last, number) < MOST_SKIPPED}
        self._skipped = recent | {self._last + 1 + n & MAX_UINT16 for n in range(count)}


class RtpSession:
    """Writes our packets, reads verified ones, and keeps the figures of both."""

    def __init__(self, cname: str) -> None:
        self.ssrc = secrets.randbits(32) or 1
        self.sent = SentCounters()
        self.received: ReceiveCounters | None = None
        self.packets_received = self.octets_received = self.packets_lost = 0  # of sources that ended
        self.rtcp = RtcpSession(self.ssrc, cname)
        self._numbers = SequenceBase()
        self._base = TimestampBase()
        self._codecs: dict[int, Codec] = {}
        self._received_at = 0.0
        self._report_at: float | None = None

    def accept(self, codecs: Iterable[Codec]) -> None:
        """Set the payload types that may arrive from now on."""
        self._codecs = {codec.payload_type: codec for codec in codecs}

    def write(
        self,
        payload_type: int,
        clock_hz: int,
        payload: bytes,
        timestamp: int,
        marker: bool,
        now: float,
        sequence: int | None = None,
    ) -> bytes | None:
        """Write the next packet of our stream; `timestamp` counts `clock_hz` from wherever its origin began.

        `sequence` is that of a relayed packet; None is returned for one that comes too late to have a place.
        """
        number = self._numbers.move(sequence)
        if number is None:
            return None
        ours = self._base.move(timestamp, clock_hz, now)
        self.sent.sent(ours, clock_hz, len(payload), now)
        return write_rtp(payload_type, marker, number, ours, self.ssrc, payload)

    def read(self, data: bytes, now: float) -> tuple[RtpPacket, Codec] | None:
        """Read one verified packet; None when it is malformed, of an unknown payload type or of a second source."""
        packet = parse_rtp(data)
        codec = self._codecs.get(packet.payload_type) if packet is not None else None
        if packet is None or codec is None:
            return None
        counters = self.received
        if counters is None or counters.ssrc != packet.ssrc:
            if counters is not None and now - self._received_at < SOURCE_SILENCE_S:
                return None
            counters = self._begin_source(packet.ssrc, codec.clock_hz)
        self._received_at = now
        in_step = codec.clock_hz == counters.clock_hz and codec.kind != EVENT
        counters.received(packet.sequence, packet.timestamp if in_step else None, len(packet.payload), now)
        return packet, codec

    def _begin_source(self, ssrc: int, clock_hz: int) -> ReceiveCounters:
        if self.received is not None:
            self.packets_received += self.received.packets
            self.octets_received += self.received.octets
            self.packets_lost += self.received.lost
        self.received = ReceiveCounters(ssrc, clock_hz)
        return self.received

    def read_rtcp(self, data: bytes, now: float, wall: float) -> float | None:
        """Take in verified reports of the far end; the share of our packets that they say was lost, if they do."""
        return self.rtcp.read(data, now, wall)

    def report_due(self, now: float) -> bool:
        """Tell whether it is time for the next report (randomised, RFC 3550 section 6.2)."""
        if self._report_at is None:
            self._report_at = now + FIRST_REPORT_S
        if now < self._report_at:
            return False
        self._report_at = now + REPORT_INTERVAL_S * random.uniform(0.5, 1.5)
        return True

    def report(self, now: float, wall: float) -> bytes:
        """Write the report to send."""
        return self.rtcp.write(now, wall, self.sent, self.received)

    @property
    def total_received(self) -> tuple[int, int, int]:
        """Packets, payload octets and losses of the whole call."""
        now = self.received
        packets, octets, lost = (now.packets, now.octets, now.lost) if now else (0, 0, 0)
        return self.packets_received + packets, self.octets_received + octets, self.packets_lost + lost

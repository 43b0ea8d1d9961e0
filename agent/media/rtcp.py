"""RTCP sender and receiver reports of one audio stream each way (RFC 3550 section 6), without I/O or clock.

The receiver side counts what arrives (loss, jitter) and reports it; the sender side reads the far end's reports about
us, which give round-trip time and the loss that the Opus encoder has to protect against. `now` is monotonic seconds;
`wall` is seconds since 1970, needed only because a sender report carries NTP time.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from agent.media.rtp import MAX_UINT16, MAX_UINT32, sequence_distance

SENDER_REPORT = 200
RECEIVER_REPORT = 201
SOURCE_DESCRIPTION = 202
BYE = 203
NTP_OFFSET_S = 2_208_988_800
RESTART_GAP = 3_000  # a jump of this many packets is a restarted sender, not loss (RFC 3550 appendix A.1)

HEAD = struct.Struct("!BBHI")
SENDER_INFO = struct.Struct("!IIIII")
BLOCK = struct.Struct("!IIIIII")


class ReportBlock(NamedTuple):
    """What one side says about the stream `ssrc` that it receives; `fraction_lost` in 1/256."""

    ssrc: int
    fraction_lost: int
    packets_lost: int
    highest_sequence: int
    jitter: int
    last_report: int
    delay: int


class Report(NamedTuple):
    """A sender or receiver report; `ntp` is None in a receiver report."""

    ssrc: int
    ntp: int | None
    blocks: tuple[ReportBlock, ...]
    bye: bool = False


def parse_rtcp(data: bytes) -> list[Report]:
    """Parse the reports in a compound packet; what is malformed or unknown is skipped."""
    reports, position = [], 0
    while position + 8 <= len(data):
        first, kind, words = struct.unpack_from("!BBH", data, position)
        end = position + 4 + 4 * words
        if first >> 6 != 2 or end > len(data):
            break
        report = _parse_one(kind, first & 0x1F, data[position:end])
        if report is not None:
            reports.append(report)
        position = end
    return reports


def _parse_one(kind: int, count: int, data: bytes) -> Report | None:
    if len(data) < 8:
        return None
    ssrc = int.from_bytes(data[4:8], "big")
    if kind == BYE:
        return Report(ssrc, None, (), bye=True)
    if kind not in (SENDER_REPORT, RECEIVER_REPORT):
        return None
    start = 28 if kind == SENDER_REPORT else 8
    if len(data) < start + BLOCK.size * count:
        return None
    ntp = int.from_bytes(data[8:16], "big") if kind == SENDER_REPORT else None
    return Report(ssrc, ntp, tuple(_parse_block(data, start + BLOCK.size * n) for n in range(count)))


def _parse_block(data: bytes, position: int) -> ReportBlock:
    ssrc, loss, highest, jitter, last_report, delay = BLOCK.unpack_from(data, position)
    lost = ((loss & 0xFFFFFF) ^ 0x800000) - 0x800000  # a signed 24-bit number
    return ReportBlock(ssrc, loss >> 24, lost, highest, jitter, last_report, delay)


class ReceiveCounters:
    """Loss and jitter of one received stream (RFC 3550 appendices A.3 and A.8)."""

    def __init__(self, ssrc: int, clock_hz: int) -> None:
        self.ssrc = ssrc
        self.clock_hz = clock_hz
        self.packets = 0
        self.octets = 0
        self._first: int | None = None
        self._highest = 0
        self._jitter = 0.0
        self._transit: float | None = None
        self._packets_before_restart = 0
        self._lost_before_restart = 0
        self._reported_expected = 0
        self._reported_packets = 0

    def received(self, sequence: int, timestamp: int | None, octets: int, now: float) -> None:
        """Count one packet; None for one whose timestamp does not follow the clock (RFC 4733)."""
        self._advance(sequence)
        self.packets += 1
        self.octets += octets
        if timestamp is None:
            return
        transit = now * self.clock_hz - timestamp
        if self._transit is not None:
            change = abs(transit - self._transit)
            if change < self.clock_hz:  # a jump of the sender's clock is not jitter
                self._jitter += (change - self._jitter) / 16
        self._transit = transit

    def _advance(self, sequence: int) -> None:
        distance = sequence_distance(sequence, self._highest & MAX_UINT16)
        if self._first is None:
            self._first = self._highest = sequence
        elif abs(distance) > RESTART_GAP:
            self._lost_before_restart, self._packets_before_restart = self.lost, self.packets
            self._reported_expected, self._reported_packets = 0, self.packets
            self._first = self._highest = sequence
        elif distance > 0:
            self._highest += distance

    @property
    def expected(self) -> int:
        """How many packets were sent since the stream (re)started, as far as is known."""
        return 0 if self._first is None else self._highest - self._first + 1

    @property
    def lost(self) -> int:
        """Packets lost so far; never negative, duplicates do not make up for losses."""
        return self._lost_before_restart + max(0, self.expected - (self.packets - self._packets_before_restart))

    @property
    def jitter_ms(self) -> float:
        """Interarrival jitter (RFC 3550 section 6.4.1)."""
        return self._jitter / self.clock_hz * 1000

    def block(self, last_report: int, delay: int, loss_beyond: float = 0.0) -> bytes:
        """Write the report block about this stream since the previous one; `loss_beyond` counts where that is more."""
        expected = self.expected - self._reported_expected
        lost = max(0, expected - (self.packets - self._reported_packets))
        self._reported_expected, self._reported_packets = self.expected, self.packets
        fraction = min(255, max(lost * 256 // expected if expected > 0 else 0, int(loss_beyond * 256)))
        total = fraction << 24 | min(self.lost, 0x7FFFFF)
        return BLOCK.pack(self.ssrc, total, self._highest & MAX_UINT32, int(self._jitter), last_report, delay)


class SentCounters:
    """What we sent, and where our RTP clock stood when."""

    def __init__(self) -> None:
        self.packets = 0
        self.octets = 0
        self._clock_hz = 48_000
        self._timestamp = 0
        self._at = 0.0

    def sent(self, timestamp: int, clock_hz: int, octets: int, now: float) -> None:
        """Count one packet of `octets` payload bytes."""
        self.packets += 1
        self.octets += octets
        self._timestamp, self._clock_hz, self._at = timestamp, clock_hz, now

    def timestamp_at(self, now: float) -> int:
        """Return our RTP clock at `now`."""
        return self._timestamp + int((now - self._at) * self._clock_hz) & MAX_UINT32


class RtcpSession:
    """Writes our reports and reads the far end's, for one stream each way."""

    def __init__(self, ssrc: int, cname: str) -> None:
        self.ssrc = ssrc
        self._cname = cname.encode()[:255]
        self.rtt_ms: float | None = None
        self.loss_beyond = 0.0  # on a relayed stream's way from here to its last receiver
        self._last_report = 0
        self._last_report_at = 0.0

    def write(self, now: float, wall: float, sent: SentCounters, received: ReceiveCounters | None) -> bytes:
        """Write a compound packet: sender report (receiver report before we sent anything) and source description."""
        block = received.block(self._last_report, self._delay(now), self.loss_beyond) if received else b""
        count = 1 if block else 0
        if sent.packets:
            counts = sent.packets & MAX_UINT32, sent.octets & MAX_UINT32
            body, kind = SENDER_INFO.pack(*_ntp(wall), sent.timestamp_at(now), *counts) + block, SENDER_REPORT
        else:
            body, kind = block, RECEIVER_REPORT
        return HEAD.pack(0x80 | count, kind, 1 + len(body) // 4, self.ssrc) + body + self._description()

    def bye(self) -> bytes:
        """Write the packet that ends our stream (RFC 3550 section 6.6)."""
        return HEAD.pack(0x80, RECEIVER_REPORT, 1, self.ssrc) + HEAD.pack(0x81, BYE, 1, self.ssrc)

    def read(self, data: bytes, now: float, wall: float) -> float | None:
        """Take in the far end's reports; returns the share (0..1) of our packets lost lately, if one says so."""
        loss = None
        for report in parse_rtcp(data):
            if report.ntp is not None:
                self._last_report, self._last_report_at = report.ntp >> 16 & MAX_UINT32, now
            for block in report.blocks:
                if block.ssrc == self.ssrc:
                    self._measure(block, wall)
                    loss = block.fraction_lost / 256
        return loss

    def _measure(self, block: ReportBlock, wall: float) -> None:
        """Round-trip time (RFC 3550 section 6.4.1, figure 2)."""
        if block.last_report:
            seconds, fraction = _ntp(wall)
            trip = ((seconds & 0xFFFF) << 16 | fraction >> 16) - block.last_report - block.delay
            trip = (trip + 0x80000000 & MAX_UINT32) - 0x80000000
            if 0 <= trip < 60 << 16:
                self.rtt_ms = trip * 1000 / 65536

    def _delay(self, now: float) -> int:
        return min(int((now - self._last_report_at) * 65536), MAX_UINT32) if self._last_report else 0

    def _description(self) -> bytes:
        item = bytes([1, len(self._cname)]) + self._cname
        item += bytes(4 - len(item) % 4)
        return HEAD.pack(0x81, SOURCE_DESCRIPTION, 1 + len(item) // 4, self.ssrc) + item


def _ntp(wall: float) -> tuple[int, int]:
    seconds = int(wall)
    return seconds + NTP_OFFSET_S & MAX_UINT32, int((wall - seconds) * 4294967296) & MAX_UINT32

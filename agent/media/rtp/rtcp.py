"""RTCP sender and receiver reports of one audio stream each way (RFC 3550 section 6), without I/O or clock.

The receiver side counts what arrives (loss, jitter) and reports it; the sender side reads the far end's reports about
us, which give round-trip time and the loss that the Opus encoder has to protect against. The packets are aiortc's.
`now` is monotonic seconds; `wall` is seconds since 1970, needed only because a sender report carries NTP time: the
first one tells where our NTP time begins, which goes on with `now`, so that setting the clock disturbs no figure.
"""

from __future__ import annotations

from collections.abc import Iterator

from agent.media.light_import import without_codecs
from agent.media.rtp.packet import MAX_UINT16, MAX_UINT32, sequence_distance

with without_codecs():
    from aiortc.rtp import (
        RtcpByePacket,
        RtcpPacket,
        RtcpReceiverInfo,
        RtcpRrPacket,
        RtcpSdesPacket,
        RtcpSenderInfo,
        RtcpSourceInfo,
        RtcpSrPacket,
    )

CNAME = 1  # type of an item (RFC 3550 section 6.5)
NTP_OFFSET_S = 2_208_988_800
RESTART_GAP = 3_000  # a jump of this many packets is a restarted sender, not loss (RFC 3550 appendix A.1)


def read_reports(data: bytes) -> Iterator[RtcpSrPacket | RtcpRrPacket]:
    """Yield the reports in a compound packet; one that is malformed tells nothing at all."""
    try:
        packets = RtcpPacket.parse(data)
    except ValueError:
        return
    yield from (packet for packet in packets if isinstance(packet, RtcpSrPacket | RtcpRrPacket))


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
        if self._first is not None and sequence == self._highest + 1 & MAX_UINT16:
            self._highest += 1
        else:
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

    def block(self, last_report: int, delay: int, loss_beyond: float = 0.0) -> RtcpReceiverInfo:
        """Write the report block about this stream since the previous one; `loss_beyond` counts where that is more."""
        expected = self.expected - self._reported_expected
        lost = max(0, expected - (self.packets - self._reported_packets))
        self._reported_expected, self._reported_packets = self.expected, self.packets
        fraction = min(255, max(lost * 256 // expected if expected > 0 else 0, int(loss_beyond * 256)))
        return RtcpReceiverInfo(
            ssrc=self.ssrc,
            fraction_lost=fraction,
            packets_lost=min(self.lost, 0x7FFFFF),
            highest_sequence=self._highest & MAX_UINT32,
            jitter=int(self._jitter),
            lsr=last_report,
            dlsr=delay,
        )


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
        self.loss_beyond = 0.0  # on a forwarded stream's way from here to its last receiver
        self._last_report = 0
        self._last_report_at = 0.0
        self._epoch: float | None = None  # NTP time at which `now` is 0

    def _ntp(self, now: float, wall: float) -> int:
        if self._epoch is None:
            self._epoch = wall - now
        return _ntp(now + self._epoch)

    def write(self, now: float, wall: float, sent: SentCounters, received: ReceiveCounters | None) -> bytes:
        """Write a compound packet: sender report (receiver report before we sent anything) and source description."""
        blocks = [received.block(self._last_report, self._delay(now), self.loss_beyond)] if received else []
        return self._report(now, wall, sent, blocks) + self._description()

    def _report(self, now: float, wall: float, sent: SentCounters, blocks: list[RtcpReceiverInfo]) -> bytes:
        if not sent.packets:
            return bytes(RtcpRrPacket(self.ssrc, blocks))
        info = RtcpSenderInfo(
            ntp_timestamp=self._ntp(now, wall),
            rtp_timestamp=sent.timestamp_at(now),
            packet_count=sent.packets & MAX_UINT32,
            octet_count=sent.octets & MAX_UINT32,
        )
        return bytes(RtcpSrPacket(self.ssrc, info, blocks))

    def bye(self) -> bytes:
        """Write the packet that ends our stream (RFC 3550 section 6.6)."""
        return bytes(RtcpRrPacket(self.ssrc)) + bytes(RtcpByePacket([self.ssrc]))

    def read(self, data: bytes, now: float, wall: float) -> float | None:
        """Take in the far end's reports; returns the share (0..1) of our packets lost lately, if one says so."""
        loss = None
        for report in read_reports(data):
            if isinstance(report, RtcpSrPacket):
                self._last_report, self._last_report_at = report.sender_info.ntp_timestamp >> 16 & MAX_UINT32, now
            for block in report.reports:
                if block.ssrc == self.ssrc:
                    self._measure(block, self._ntp(now, wall))
                    loss = block.fraction_lost / 256
        return loss

    def _measure(self, block: RtcpReceiverInfo, ntp: int) -> None:
        """Note the round-trip time (RFC 3550 section 6.4.1, figure 2)."""
        if block.lsr:
            trip = (ntp >> 16 & MAX_UINT32) - block.lsr - block.dlsr
            trip = (trip + 0x80000000 & MAX_UINT32) - 0x80000000
            if 0 <= trip < 60 << 16:
                self.rtt_ms = trip * 1000 / 65536

    def _delay(self, now: float) -> int:
        return min(int((now - self._last_report_at) * 65536), MAX_UINT32) if self._last_report else 0

    def _description(self) -> bytes:
        return bytes(RtcpSdesPacket([RtcpSourceInfo(self.ssrc, [(CNAME, self._cname)])]))


def _ntp(wall: float) -> int:
    """Return 64-bit NTP time: seconds since 1900 and their fraction (RFC 3550 section 4)."""
    seconds = int(wall)
    return (seconds + NTP_OFFSET_S & MAX_UINT32) << 32 | int((wall - seconds) * 4294967296) & MAX_UINT32

"""One RTP stream each way and the RTCP about both (RFC 3550): numbers, clocks and counters, but no sound.

What is sent keeps one source and one sequence for the whole call, whatever the packets' origin: encoded microphone
sound, telephone events or packets forwarded from another call.
"""

from __future__ import annotations

import random
import secrets
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from agent.media.rtp.packet import MAX_UINT16, MAX_UINT32, RtpPacket, parse_rtp, write_rtp
from agent.media.rtp.rebase import SequenceBase, TimestampBase
from agent.media.rtp.red import Block, unpack
from agent.media.rtp.rtcp import ReceiveCounters, RtcpSession, SentCounters
from agent.media.sdp.codecs import EVENT, OPUS, RED, Codec

FIRST_REPORT_S = 1.0
REPORT_INTERVAL_S = 2.5
OTHER_SOURCE = 0x4000  # packets that seem to lie between two sources, so that none of the second seems late
REMEMBERED = 64  # packets of which is known that they came, where others may bring copies of them
SOURCE_SILENCE_S = 0.1  # another source may take over once the present one was silent this long


@dataclass(slots=True)
class ReadPacket:
    """One verified packet; the codec is None for a type that was not negotiated.

    `number` is its place for whoever passes it on: the packet's own, but far from those of the source before; None for
    digits beside the sound, which are a stream of their own. `copies` of packets before it came with it; `missed` are
    those of them that had not come themselves, as (number, timestamp, payload), the oldest first.
    """

    packet: RtpPacket
    codec: Codec | None
    number: int | None
    copies: tuple[Block, ...] = ()
    missed: tuple[tuple[int, int, bytes], ...] = ()


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
        self._has_red = False
        self._received_at = 0.0
        self._number = self._shift = 0  # of the latest packet that is passed on, and what it has beyond its own
        self._report_at: float | None = None
        self._came: deque[tuple[int, int]] = deque(maxlen=REMEMBERED)  # numbers and timestamps

    def accept(self, codecs: Iterable[Codec]) -> None:
        """Set the payload types that may arrive from now on."""
        self._codecs = {codec.payload_type: codec for codec in codecs}
        self._has_red = any(codec.kind == RED for codec in self._codecs.values())

    def write(
        self,
        payload_type: int,
        clock_hz: int,
        payload: bytes,
        timestamp: int,
        marker: bool,
        now: float,
        sequence: int | None = None,
        *,
        event: bool = False,
    ) -> bytes | None:
        """Write the next packet of our stream; `timestamp` counts `clock_hz` from wherever its origin began.

        `sequence` is that of a forwarded packet; None is returned for one that comes too late to have a place. The
        packets of an `event` have one timestamp, its start, which is on whatever clock.
        """
        number = self._numbers.move(sequence)
        if number is None:
            return None
        base = self._base
        ours = base.place(timestamp, clock_hz, marker, now) if event else base.move(timestamp, clock_hz, now)
        self.sent.sent(ours, clock_hz, len(payload), now)
        return write_rtp(payload_type, marker, number, ours, self.ssrc, payload)

    def number(self, clock_hz: int, octets: int, timestamp: int, now: float) -> tuple[int, int]:
        """Count a packet of our own sound that is written elsewhere; its sequence number and timestamp."""
        number, ours = self._numbers.next(), self._base.move(timestamp, clock_hz, now)
        self.sent.sent(ours, clock_hz, octets, now)
        return number, ours

    def leave_out(self, sequence: int) -> None:
        """Note that the forwarded packet with this number is not sent, so that the far end does not miss it."""
        self._numbers.leave_out(sequence)

    def read(self, data: bytes, now: float) -> ReadPacket | None:
        """Read one verified packet; None when it is malformed, or sound of a second source.

        One of a payload type that was not negotiated cannot be used, but it did arrive.
        """
        packet = parse_rtp(data)
        return self.take(packet, now) if packet is not None else None

    def take(self, packet: RtpPacket, now: float) -> ReadPacket | None:
        """Take a verified packet that is read already; None for sound of a second source."""
        codec, counters = self._codecs.get(packet.payload_type), self.received
        if counters is None or counters.ssrc != packet.ssrc:
            if codec is not None and codec.kind == EVENT:
                self.packets_received += 1
                self.octets_received += len(packet.payload)
                return ReadPacket(packet, codec, None)
            counters = self._take_over(packet, codec, now)
            if counters is None:
                return None
        self._received_at = now
        in_step = codec is not None and codec.clock_hz == counters.clock_hz and codec.kind != EVENT
        counters.received(packet.sequence, packet.timestamp if in_step else None, len(packet.payload), now)
        self._number = packet.sequence + self._shift & MAX_UINT16
        found = ReadPacket(packet, codec, self._number)
        if self._has_red:  # else it is of no use to remember what came
            return self._opened(found) if codec is not None and codec.kind == RED else self._noted(found)
        return found

    def _noted(self, found: ReadPacket) -> ReadPacket:
        """Remember that a packet came."""
        self._came.append((self._number, found.packet.timestamp))
        return found

    def _opened(self, found: ReadPacket) -> ReadPacket:
        """Take the packet out of one that carries copies (RFC 2198); of one that is malformed nothing can be used."""
        blocks = unpack(found.packet.payload)
        codec = self._codecs.get(blocks[-1].payload_type) if blocks else None
        if codec is None or codec.kind in (RED, EVENT):
            return self._noted(replace(found, codec=None))
        own = replace(found.packet, payload_type=codec.payload_type, payload=blocks[-1].payload)
        # Each block stands for one packet, the last for the one just before, whether it is of use or not.
        placed = zip(range(len(blocks) - 1, 0, -1), blocks[:-1], strict=True)
        copies = [(back, block) for back, block in placed if block.payload and _is_copy(block, codec)]
        missed = tuple(self._missed(self._number, own.timestamp, copies))
        blocks = tuple(block for _, block in copies)
        return self._noted(replace(found, packet=own, codec=codec, copies=blocks, missed=missed))

    def _missed(
        self, number: int, timestamp: int, copies: Sequence[tuple[int, Block]]
    ) -> Iterator[tuple[int, int, bytes]]:
        """Find copies, each with how many packets it lies back, that had not come; both numbers tell what has."""
        numbers, timestamps = ({each[n] for each in self._came} for n in (0, 1))
        for back, block in copies:
            place, at = number - back & MAX_UINT16, timestamp - block.age & MAX_UINT32
            if self._came and place not in numbers and at not in timestamps:
                self._came.append((place, at))
                yield place, at, block.payload

    def expect_source(self) -> None:
        """Let another source take over at once: the far end has moved."""
        self._received_at = float("-inf")

    def _take_over(self, packet: RtpPacket, codec: Codec | None, now: float) -> ReceiveCounters | None:
        """The counters of another source, if it can be used and may take the place of the present one."""
        if codec is None or (self.received is not None and now - self._received_at < SOURCE_SILENCE_S):
            return None
        return self._begin_source(packet, codec.clock_hz)

    def _begin_source(self, packet: RtpPacket, clock_hz: int) -> ReceiveCounters:
        if self.received is not None:
            self._shift = self._number + OTHER_SOURCE - packet.sequence
            self.packets_received += self.received.packets
            self.octets_received += self.received.octets
            self.packets_lost += self.received.lost
        self._came.clear()
        self.received = ReceiveCounters(packet.ssrc, clock_hz)
        return self.received

    def read_rtcp(self, data: bytes, now: float, wall: float) -> float | None:
        """Take in verified reports of the far end; the share of our packets that they say was lost, if they do."""
        return self.rtcp.read(data, now, wall)

    def next_report(self, now: float, wall: float) -> bytes | None:
        """Write the next report if it is time for it (randomised, RFC 3550 section 6.2); else None."""
        if self._report_at is None:
            self._report_at = now + FIRST_REPORT_S
        if now < self._report_at:
            return None
        self._report_at = now + REPORT_INTERVAL_S * random.uniform(0.5, 1.5)
        return self.rtcp.write(now, wall, self.sent, self.received)

    @property
    def total_received(self) -> tuple[int, int, int]:
        """Packets, payload octets and losses of the whole call."""
        now = self.received
        packets, octets, lost = (now.packets, now.octets, now.lost) if now else (0, 0, 0)
        return self.packets_received + packets, self.octets_received + octets, self.packets_lost + lost


def _is_copy(block: Block, codec: Codec) -> bool:
    """Tell whether it is of the packet's own codec, and that the one of which copies were agreed on."""
    return block.payload_type == codec.payload_type and codec.key == OPUS.key

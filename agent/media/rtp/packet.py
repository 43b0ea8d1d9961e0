"""RTP packets (RFC 3550 section 5.1): only the fixed header matters here, extensions and sources are skipped."""

from __future__ import annotations

import struct
from dataclasses import dataclass

HEADER = struct.Struct("!BBHII")
MAX_PACKET_BYTES = 1_500
MAX_UINT16 = 0xFFFF
MAX_UINT32 = 0xFFFFFFFF


@dataclass(slots=True)
class RtpPacket:
    """One packet; `timestamp` in units of the codec's RTP clock."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


def write_rtp(payload_type: int, marker: bool, sequence: int, timestamp: int, ssrc: int, payload: bytes) -> bytes:
    """Write the packet as bytes; sequence and timestamp wrap."""
    second = payload_type | (0x80 if marker else 0)
    return HEADER.pack(0x80, second, sequence & MAX_UINT16, timestamp & MAX_UINT32, ssrc) + payload


def parse_rtp(data: bytes) -> RtpPacket | None:
    """Read a packet; None when it is malformed."""
    if len(data) < HEADER.size:
        return None
    first, second, sequence, timestamp, ssrc = HEADER.unpack_from(data)
    if first >> 6 != 2:
        return None
    start = HEADER.size + 4 * (first & 0x0F)
    if first & 0x10:
        if len(data) < start + 4:
            return None
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    end = len(data) - (data[-1] if first & 0x20 else 0)
    if end < start or (first & 0x20 and not data[-1]):
        return None
    return RtpPacket(second & 0x7F, second >= 0x80, sequence, timestamp, ssrc, data[start:end])


def is_rtcp(data: bytes) -> bool:
    """Tell whether a packet on a shared port is RTCP (RFC 5761 section 4)."""
    return len(data) >= 2 and 192 <= data[1] <= 223


def sequence_distance(later: int, earlier: int) -> int:
    """Count by how many packets `later` follows `earlier`; negative when it precedes it (16-bit wrap)."""
    return ((later - earlier + 0x8000) & MAX_UINT16) - 0x8000

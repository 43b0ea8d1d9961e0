"""Redundant audio data (RED, RFC 2198): each packet also carries the payloads of some packets before it. Pure.

Theory. A header of four octets stands in front of each copy: its payload type, by how much its timestamp lies before
the packet's, and its length; one octet stands in front of the packet's own payload. Who misses a packet finds it whole
in one of the next. As soon as packets get lost, half the bit rate twice is worth more than all of it once: Opus says
nearly as much in it, while the copies within Opus (LBRR) are coarse and reach back one packet only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from agent.media.rtp.packet import MAX_UINT32

MOST_COPIES = 2
COPY_HEADER_BYTES, OWN_HEADER_BYTES = 4, 1
_MORE = 0x80  # another header follows
_MOST_AGE = 0x3FFF  # timestamp units
_MOST_BYTES = 0x3FF
_MOST_BLOCKS = 8  # that one packet of others may have
_KEPT_PACKETS = 25  # over which the bit rate is averaged


class Block(NamedTuple):
    """One payload in a packet: a copy, whose timestamp lies `age` before the packet's; 0 for the packet's own."""

    payload_type: int
    age: int
    payload: bytes


def pack(blocks: Sequence[Block]) -> bytes:
    """Write a packet of `blocks`, the packet's own last."""
    *copies, own = blocks
    heads = [(_MORE | block.payload_type) << 24 | block.age << 10 | len(block.payload) for block in copies]
    head = b"".join(value.to_bytes(4, "big") for value in heads)
    return head + bytes([own.payload_type]) + b"".join(block.payload for block in blocks)


def unpack(packet: bytes) -> tuple[Block, ...]:
    """Read the blocks of a packet, its own last; nothing of one that is malformed."""
    found, at = list[tuple[int, int, int]](), 0
    while at < len(packet) and packet[at] & _MORE:
        head = int.from_bytes(packet[at : at + 4], "big")
        found.append((packet[at] & 0x7F, head >> 10 & _MOST_AGE, head & _MOST_BYTES))
        at += COPY_HEADER_BYTES
        if len(found) > _MOST_BLOCKS:
            return ()
    own = len(packet) - at - OWN_HEADER_BYTES - sum(length for _, _, length in found)
    if at >= len(packet) or own < 0:
        return ()
    found.append((packet[at], 0, own))
    at += OWN_HEADER_BYTES
    blocks = []
    for payload_type, age, length in found:
        blocks.append(Block(payload_type, age, packet[at : at + length]))
        at += length
    return tuple(blocks)


class RedWriter:
    """Adds copies to the payloads of one stream, within a bit rate."""

    def __init__(self, payload_type: int, clock_hz: int, most_bitrate: int, copies: int = 0) -> None:
        """`payload_type` is that of the payloads; `most_bitrate` holds for them and their copies, on average."""
        self.copies = copies  # that are wanted
        self._payload_type = payload_type
        self._clock_hz = clock_hz
        self._most_bitrate = most_bitrate
        self._bitrate = 0.0
        self._before: deque[tuple[int, bytes]] = deque(maxlen=MOST_COPIES)

    def write(self, payload: bytes, timestamp: int, samples: int) -> bytes | None:
        """Return the packet for this payload, which lasts `samples` of the clock; None where it needs no copies."""
        copies = self._copies_for(timestamp)
        while copies and not self._fits(_size(copies, payload), samples):
            copies = copies[1:]
        self._bitrate = self._average_with(_size(copies, payload), samples)
        self._before.append((timestamp, payload))
        return pack([*copies, Block(self._payload_type, 0, payload)]) if copies else None

    def went_without(self, octets: int, samples: int) -> None:
        """Note a packet of sound that went another way: the ones before it are no longer just before the next."""
        self._before.clear()
        self._bitrate = self._average_with(octets, samples)

    def interrupt(self) -> None:
        """Note a packet that is no sound: whoever takes the last copy for the one just before would be wrong."""
        self._before.clear()

    def _copies_for(self, timestamp: int) -> list[Block]:
        latest = list(self._before)[-self.copies :] if self.copies else []
        blocks = [Block(self._payload_type, timestamp - at & MAX_UINT32, payload) for at, payload in latest]
        return [block for block in blocks if 0 < block.age <= _MOST_AGE and 0 < len(block.payload) <= _MOST_BYTES]

    def _fits(self, size: int, samples: int) -> bool:
        """Whether the average stays within the limit with a packet of this size; a single large one may."""
        return self._average_with(size, samples) <= self._most_bitrate

    def _average_with(self, size: int, samples: int) -> float:
        rate = size * 8 * self._clock_hz / samples
        return self._bitrate + (rate - self._bitrate) / _KEPT_PACKETS


def _size(copies: Sequence[Block], payload: bytes) -> int:
    return sum(len(block.payload) + COPY_HEADER_BYTES for block in copies) + len(payload)


def rate_beside_copies(bitrate: int, copies: int, packet_ms: int) -> int:
    """Return what is left of a bit rate for each packet itself, where `copies` of it are sent, too."""
    headers = (copies * COPY_HEADER_BYTES + OWN_HEADER_BYTES) * 8 * 1000 // packet_ms if copies else 0
    return (bitrate - headers) // (1 + copies)

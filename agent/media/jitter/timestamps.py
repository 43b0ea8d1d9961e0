"""Puts arriving RTP packets on one timeline: wrapping timestamps, repeats, gaps in the numbers, clocks that jump. Pure.

A media time is an unwrapped RTP timestamp, in 48 kHz samples whatever the codec's clock, unless that clock jumps: where
the numbers go on and neither their distance nor the time that has passed explains the timestamp, the sound goes on too.
Of other packets one whose transit (arrival minus media time) is absurd is kept aside: alone it is a mistake, but a
second one that agrees with it proves that another timeline begins.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace

from hw.sound.frame import RATE_HZ

_JUMP_SAMPLES = RATE_HZ  # a second: no jitter that can be played out
_LEAST_JUMP_SAMPLES = RATE_HZ * 6 // 100  # less is the sender's imprecision
_NEAR = 64  # packets so far apart say something about each other
_MAX_SEEN = 512


@dataclass(slots=True, init=False)
class Packet:
    """One packet of sound; it may repair the one before it, or announce a pause.

    It may bring whole copies of some packets before it. Each of them is then a packet, too, which `is_copy`.
    """

    sequence: int
    time: int
    samples: int
    payload: bytes
    arrival: float
    repairs: bool
    pauses: bool
    copies: int
    is_copy: bool
    end: int = field(init=False)  # the media time of what follows
    transit: float = field(init=False)  # arrival minus media time, in samples; only differences mean something

    def __init__(
        self, sequence: int, time: int, samples: int, payload: bytes, arrival: float, repairs: bool, pauses: bool,
        copies: int = 0, is_copy: bool = False,
    ) -> None:  # fmt: skip
        self.sequence, self.time, self.samples, self.payload, self.arrival = sequence, time, samples, payload, arrival
        self.repairs, self.pauses, self.copies, self.is_copy = repairs, pauses, copies, is_copy
        self.end = time + samples
        self.transit = arrival * RATE_HZ - time


def _has_jumped(before: Packet, packet: Packet, ahead: int) -> bool:
    """Whether the sender's clock was set anew between two packets, the second of which is `ahead` in number."""
    gap = packet.time - before.end
    lost = (ahead - 1) * max(before.samples, packet.samples)
    unexplained = gap - lost
    passed = (packet.arrival - before.arrival) * RATE_HZ - before.samples - lost
    return gap <= -_LEAST_JUMP_SAMPLES or (unexplained >= _LEAST_JUMP_SAMPLES and passed < unexplained / 2)


def _passed(before: Packet, packet: Packet, ahead: int) -> int:
    """How long the sender was silent between the two, or what was lost there: as the clock does not tell it."""
    passed = round((packet.arrival - before.arrival) * RATE_HZ) - before.samples
    return max((ahead - 1) * packet.samples, passed if passed >= _LEAST_JUMP_SAMPLES else 0)


def _ahead(later: int, earlier: int) -> int:
    """By how many numbers one packet follows another; negative when it precedes it."""
    return (later - earlier + 0x8000 & 0xFFFF) - 0x8000


class Timeline:
    """Where the packets of one RTP stream belong."""

    def __init__(self, clock_rate_hz: int) -> None:
        self._scale = RATE_HZ // clock_rate_hz
        self._base: tuple[int, Packet] | None = None  # the latest packet that was believed, and its timestamp
        self._before_jump: tuple[int, int, Packet] | None = None  # the number after it, and the base before it
        self._stray: Packet | None = None
        self._seen: OrderedDict[int, None] = OrderedDict()

    def restart(self) -> None:
        """Forget the stream."""
        self._base = self._before_jump = self._stray = None
        self._seen.clear()

    def following(
        self, sequence: int, timestamp: int, samples: int, payload: bytes, arrival: float, repairs: bool, pauses: bool,
        copies: int,
    ) -> Packet | None:  # fmt: skip
        """Return the packet if it comes right behind the latest in every respect, as nearly all do, and believe it.

        For every other one `media_time` and `believe` find out what it is; of this one they would say the same.
        """
        if self._base is None:
            return None
        latest, before = self._base
        if sequence != before.sequence + 1 & 0xFFFF or (timestamp - latest) * self._scale != before.samples:
            return None
        packet = Packet(sequence, before.end, samples, payload, arrival, repairs, pauses, copies)
        if not -_JUMP_SAMPLES <= packet.transit - before.transit <= _JUMP_SAMPLES:
            return None
        self._base, self._stray = (timestamp, packet), None
        return packet

    def media_time(self, sequence: int, timestamp: int) -> int:
        """Return the media time nearest to the latest packet's that wraps to `timestamp`."""
        if self._base is None:
            return timestamp * self._scale
        latest, packet = self._base
        time = self._after(latest, packet, timestamp)
        if self._before_jump is None or not -_NEAR <= _ahead(sequence, self._before_jump[0]) < 0:
            return time
        # It was overtaken by the first one that was seen of a clock that was set anew: it may be of either.
        usual = packet.time + _ahead(sequence, packet.sequence) * packet.samples
        return min(time, self._after(*self._before_jump[1:], timestamp), key=lambda one: abs(one - usual))

    def _after(self, latest: int, packet: Packet, timestamp: int) -> int:
        return packet.time + ((timestamp - latest + 0x80000000 & 0xFFFFFFFF) - 0x80000000) * self._scale

    def believe(self, packet: Packet, timestamp: int) -> tuple[Packet, ...]:
        """Return the packets to use now: this one, none while it is doubtful, or two where a new timeline begins."""
        if self._base is not None:
            before = self._base[1]
            ahead = _ahead(packet.sequence, before.sequence)
            if -_NEAR <= ahead <= 0 and abs(packet.transit - before.transit) <= _JUMP_SAMPLES:
                return (packet,)  # overtaken, or repeated: what follows is compared with what was ahead of it
            follows = ahead == 1 and packet.time == before.end
            if not follows and 0 < ahead <= _NEAR and _has_jumped(before, packet, ahead):
                self._before_jump = (packet.sequence, *self._base)
                packet = replace(packet, time=before.end + _passed(before, packet, ahead))
        if self._base is None or abs(packet.transit - self._base[1].transit) <= _JUMP_SAMPLES:
            self._base, self._stray = (timestamp, packet), None
            return (packet,)
        first, self._stray = self._stray, packet
        if first is None or abs(packet.transit - first.transit) > _JUMP_SAMPLES:
            return ()
        self._base, self._stray = (timestamp, packet), None
        return (first, packet)

    def note(self, sequence: int) -> bool:
        """Remember a sequence number; whether it is new."""
        if sequence in self._seen:
            return False
        self._seen[sequence] = None
        if len(self._seen) > _MAX_SEEN:
            self._seen.popitem(last=False)
        return True

    def complete_between(self, first: int, last: int) -> bool:
        """Tell whether every sequence number between these two has arrived, so that nothing there was lost."""
        between = last - first - 1 & 0xFFFF
        return between < _MAX_SEEN // 4 and all(first + 1 + i & 0xFFFF in self._seen for i in range(between))

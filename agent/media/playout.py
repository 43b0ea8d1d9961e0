"""Adaptive playout buffer: decides what the next piece of far-end sound is made of. Pure: no codec, no clock.

Theory. Every packet has a media time (its unwrapped RTP timestamp, here always in 48 kHz samples) and a transit, which
is arrival time minus media time. The player takes one frame a tick. `head` is the media time of the next sample to be
made, and `backlog` samples made before it still wait; a packet at `head` is needed at the tick that finds less than a
frame there. How long the slowest usual packet (a high quantile of the recent transits) has been waiting by then is its
`spare` time, and all of its sound is then played `backlog` samples later:

    delay of the slowest usual packet = spare + backlog

Backlog is always waste, and so is spare time of a frame or more: the decision to decode asks for samples to be cut out
(`adjust` < 0). Too little spare time is answered by adding samples (`adjust` > 0). Clocks that drift apart show as a
transit that drifts, so the same rule keeps the delay still for hours.

What is missing when it is needed is filled by what is known about it:

    a later packet waits and repairs the one before   recover   media time goes on
    a later packet waits                              conceal   media time goes on
    nothing waits                                     conceal   media time stands still until the next packet shows
                                                                whether this one was late (it is played) or lost
    the sender pauses (DTX, RFC 4733)                 comfort   playing starts anew with the next packet
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass
from enum import Enum

from agent.media.transit import TransitWindow
from hw.ports import FRAME_MS, FRAME_SAMPLES, RATE_HZ

_MS = RATE_HZ // 1000
_USUAL = 0.97  # this share of the packets shall be in time without help
_FEW_PACKETS = 15  # fewer say nothing about the jitter
_FIRST_WAIT_MS = 10.0
_GUARD_MS = 1.5
_HYSTERESIS_MS = 3.0
_CALM_S = 0.5  # how long a whole frame must have been spare before it is cut
_HURRY_MS = 40.0  # more spare time than this is cut at once
_STARVED_MS = 300.0  # after so much concealment playing starts anew
_JUMP_MS = 1000.0  # a transit so far off is another clock, not jitter
_STALL_S = 0.3  # ticks so far apart mean that nobody listened
_REPAIR_S = 4.0  # two losses within this time make it worth waiting for the packet that repairs them
_MAX_WAITING = 128
_MAX_SEEN = 512


class Action(Enum):
    """What the next piece of sound is made of."""

    DECODE = "decode"  # the packet `payload`
    RECOVER = "recover"  # the copy of the missing packet inside `payload`, which is the packet after it
    CONCEAL = "conceal"  # whatever continues the sound plausibly
    COMFORT = "comfort"  # the quiet of a sender that pauses
    SILENCE = "silence"  # nothing: no packet yet, or none for long


@dataclass(frozen=True, slots=True)
class Decision:
    """The next `samples` of sound; up to `adjust` of them should be added (> 0) or cut out (< 0) unheard."""

    action: Action
    samples: int
    payload: bytes = b""
    adjust: int = 0


@dataclass(frozen=True, slots=True)
class PlayoutSettings:
    """Bounds of the delay that the buffer may choose."""

    min_ms: float = 0.0
    max_ms: float = 200.0


@dataclass(slots=True)
class PlayoutStats:
    """Counters since the start, and the state of this moment (`delay_ms` of the last packet, `target_ms`)."""

    received: int = 0
    decoded: int = 0
    recovered: int = 0
    concealed_ms: float = 0.0
    late: int = 0
    duplicates: int = 0
    dropped: int = 0
    starts: int = 0
    inserted_ms: float = 0.0
    removed_ms: float = 0.0
    delay_ms: float = 0.0
    target_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class _Packet:
    sequence: int
    time: int
    samples: int
    payload: bytes
    arrival: float
    repairs: bool
    pauses: bool


class PlayoutBuffer:
    """`put` every packet as it arrives; for every frame to play, `tick` once, then `next` until it is full."""

    def __init__(self, settings: PlayoutSettings | None = None, clock_rate_hz: int = RATE_HZ) -> None:
        self.settings = settings or PlayoutSettings()
        self.stats = PlayoutStats()
        self._scale = RATE_HZ // clock_rate_hz
        self._waiting: dict[int, _Packet] = {}
        self._seen: OrderedDict[int, None] = OrderedDict()
        self._transits = TransitWindow()
        self._base: tuple[int, int] | None = None  # (RTP timestamp, media time) of the latest packet
        self._stray: _Packet | None = None
        self._head: int | None = None  # None: playing starts anew with the next packet
        self._pending = 0  # samples concealed while media time stood still
        self._last: _Packet | None = None  # the latest packet that was decoded
        self._losses: deque[float] = deque(maxlen=2)
        self._in_loss = False
        self._now = 0.0
        self._expected_tick = 0.0
        self._tick_error = 0.0
        self._backlog = 0
        self._spare_since: float | None = None

    # Arrival

    def put(
        self,
        sequence: int,
        timestamp: int,
        payload: bytes,
        samples: int,
        now: float,
        *,
        repairs: bool = False,
        pauses: bool = False,
    ) -> None:
        """Take an RTP packet that lasts `samples` at 48 kHz; it may repair the one before, or announce a pause."""
        time = self._media_time(timestamp)
        packet = _Packet(sequence, time, samples, payload, now, repairs, pauses)
        if self._transits and abs(self._transit(packet) - self._transits.latest) > _JUMP_MS * _MS:
            self._put_stray(packet, timestamp)
            return
        self._stray = None
        self._base = (timestamp, time)
        self._store(packet)

    def skip(self, sequence: int, *, pauses: bool = True) -> None:
        """Note an RTP packet that is not sound (RFC 4733, comfort noise): it is not lost, and the sender pauses."""
        self._note(sequence)
        if pauses and not self._waiting:
            self._pause()

    def restart(self) -> None:
        """Forget the stream (another SSRC begins); counters stay."""
        self._waiting.clear()
        self._seen.clear()
        self._transits.clear()
        self._base = self._stray = self._last = None
        self._pause()

    def _media_time(self, timestamp: int) -> int:
        if self._base is None:
            return timestamp * self._scale
        last, time = self._base
        return time + ((timestamp - last + 0x80000000 & 0xFFFFFFFF) - 0x80000000) * self._scale

    def _transit(self, packet: _Packet) -> float:
        return packet.arrival * RATE_HZ - packet.time

    def _put_stray(self, packet: _Packet, timestamp: int) -> None:
        """A second packet that agrees with the first stray one proves that the sender's clock has jumped."""
        first, self._stray = self._stray, packet
        if first is None or abs(self._transit(packet) - self._transit(first)) > _JUMP_MS * _MS:
            self.stats.dropped += 1
            return
        self.stats.dropped -= 1
        self.restart()
        self._base = (timestamp, packet.time)
        self._store(first)
        self._store(packet)

    def _store(self, packet: _Packet) -> None:
        if not self._note(packet.sequence):
            self.stats.duplicates += 1
            return
        self.stats.received += 1
        self._transits.add(packet.arrival, self._transit(packet))
        if self._head is not None and packet.time < self._head:
            self.stats.late += 1
            return
        self._waiting[packet.time] = packet
        if len(self._waiting) > _MAX_WAITING:
            self._drop_before(sorted(self._waiting)[1])

    def _note(self, sequence: int) -> bool:
        """Whether this sequence number is new."""
        if sequence in self._seen:
            return False
        self._seen[sequence] = None
        if len(self._seen) > _MAX_SEEN:
            self._seen.popitem(last=False)
        return True

    # Playing

    def tick(self, now: float, backlog: int) -> None:
        """A frame is wanted now; `backlog` samples already wait in front of what `next` will make."""
        if now - self._now > _STALL_S:
            self._pause()
            self._expected_tick, self._tick_error = now, 0.0
        error = now - self._expected_tick
        self._expected_tick += FRAME_MS / 1000 + error / 16
        self._tick_error += (abs(error) - self._tick_error) / 16
        self._now, self._backlog = now, backlog

    def next(self) -> Decision:
        """What follows in the frame of this tick."""
        packet = self._waiting[min(self._waiting)] if self._waiting else None
        if self._head is None:
            return self._start(packet)
        if packet is None:
            return self._starve()
        gap = self._settle(packet.time - self._head)
        if not gap:
            return self._decode(packet)
        if gap > _JUMP_MS * _MS:
            self._pause()
            return self._start(packet)
        return self._fill(packet, gap)

    def adjusted(self, samples: int) -> None:
        """Report how many samples were really added (> 0) or cut out (< 0), for the statistics."""
        if samples > 0:
            self.stats.inserted_ms += samples / _MS
        else:
            self.stats.removed_ms -= samples / _MS

    def _pause(self) -> None:
        self._head, self._pending, self._in_loss = None, 0, False

    def _start(self, packet: _Packet | None) -> Decision:
        """Play the first packet as soon as the slower ones behind it will be in time too."""
        while packet is not None and len(self._waiting) > 1 and self._overdue_ms(packet) > 2 * FRAME_MS:
            self._drop_before(packet.time + 1)
            packet = self._waiting[min(self._waiting)]
        if packet is None or self._overdue_ms(packet) < 0:
            if self._last is not None and self._last.pauses:
                return Decision(Action.COMFORT, FRAME_SAMPLES)
            return Decision(Action.SILENCE, FRAME_SAMPLES)
        self.stats.starts += 1
        self._head = packet.time
        return self._decode(packet)

    def _overdue_ms(self, packet: _Packet) -> float:
        """How long ago `packet` should have been played."""
        if len(self._transits) < _FEW_PACKETS:
            return (self._now - packet.arrival) * 1000 - _FIRST_WAIT_MS
        due = packet.time + self._transits.quantile(_USUAL)
        return self._now * 1000 - due / _MS - self._floor_ms(packet.samples)

    def _starve(self) -> Decision:
        """Nothing waits: the next packet is late, or lost, or the sender pauses."""
        if self._last is not None and self._last.pauses:
            self._pause()
            return Decision(Action.COMFORT, FRAME_SAMPLES)
        if self._pending >= _STARVED_MS * _MS:
            self._pause()
            return Decision(Action.SILENCE, FRAME_SAMPLES)
        self._pending += FRAME_SAMPLES
        return self._conceal(FRAME_SAMPLES)

    def _settle(self, gap: int) -> int:
        """What remains of a gap after what was already concealed in its place."""
        assert self._head is not None
        covered = min(gap, self._pending)
        self._head += covered
        self._pending = 0
        if covered:
            self._note_loss()
        return gap - covered

    def _fill(self, packet: _Packet, gap: int) -> Decision:
        assert self._head is not None
        if self._sender_paused(packet):
            samples = min(gap, FRAME_SAMPLES)
            self._head += samples
            return Decision(Action.COMFORT, samples)
        self._note_loss()
        if packet.repairs and gap <= packet.samples:
            self._head += gap
            self.stats.recovered += 1
            return Decision(Action.RECOVER, gap, packet.payload)
        samples = min(gap - packet.samples if packet.repairs else gap, FRAME_SAMPLES)
        self._head += samples
        return self._conceal(samples)

    def _conceal(self, samples: int) -> Decision:
        self.stats.concealed_ms += samples / _MS
        return Decision(Action.CONCEAL, samples)

    def _decode(self, packet: _Packet) -> Decision:
        adjust = self._adjustment(packet)
        del self._waiting[packet.time]
        self._head = packet.time + packet.samples
        self._pending, self._in_loss, self._last = 0, False, packet
        self.stats.decoded += 1
        self.stats.delay_ms = (self._now - packet.arrival) * 1000 + self._backlog / _MS
        return Decision(Action.DECODE, packet.samples, packet.payload, adjust)

    def _sender_paused(self, packet: _Packet) -> bool:
        """Whether every packet between the last one played and this one arrived, so that nothing is missing."""
        if self._last is None:
            return True
        between = packet.sequence - self._last.sequence - 1 & 0xFFFF
        return between < 64 and all(self._last.sequence + 1 + i & 0xFFFF in self._seen for i in range(between))

    def _note_loss(self) -> None:
        if not self._in_loss:
            self._in_loss = True
            self._losses.append(self._now)

    def _drop_before(self, time: int) -> None:
        for old in [waiting for waiting in self._waiting if waiting < time]:
            del self._waiting[old]
            self.stats.dropped += 1

    # Delay

    def _floor_ms(self, packet_samples: int) -> float:
        """The least spare time that lets the usual packet be in time, and repairs be made while packets get lost."""
        reach = max(0, FRAME_SAMPLES - 1 - self._backlog) // packet_samples * packet_samples / _MS
        floor = _GUARD_MS + 2000 * self._tick_error + reach
        if len(self._losses) == 2 and self._now - self._losses[0] < _REPAIR_S:
            floor += packet_samples / _MS
        return floor

    def _adjustment(self, packet: _Packet) -> int:
        """How many samples to add or to cut out, so that the delay approaches what it should be."""
        if self._backlog >= FRAME_SAMPLES or len(self._transits) < _FEW_PACKETS:
            return 0
        usual = self._transits.quantile(_USUAL)
        jitter_ms = (usual - self._transits.fastest) / _MS
        spare_ms = self._now * 1000 - (packet.time + usual) / _MS
        floor_ms = max(self._floor_ms(packet.samples), self.settings.min_ms - jitter_ms)
        self.stats.target_ms = floor_ms + jitter_ms
        if spare_ms < floor_ms:
            self._spare_since = None
            return FRAME_SAMPLES - self._backlog if spare_ms + jitter_ms < self.settings.max_ms else 0
        frames = int((spare_ms - floor_ms - _HYSTERESIS_MS) // FRAME_MS)
        return -(self._backlog + self._spare_frames(frames) * FRAME_SAMPLES)

    def _spare_frames(self, frames: int) -> int:
        """Whole frames that may be cut now: at once when they are many, else when they stayed spare for a while."""
        if frames < 1:
            self._spare_since = None
            return 0
        if self._spare_since is None:
            self._spare_since = self._now
        hurry = frames * FRAME_MS >= _HURRY_MS
        return frames if hurry or self._now - self._spare_since >= _CALM_S else 0

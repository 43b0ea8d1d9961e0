"""Adaptive playout buffer: decides what the next piece of far-end sound is made of. Pure: no codec, no clock.

`delay` decides how long sound waits. What is missing when it is needed is filled by what is known about it:

    a later packet waits with a copy of it            decode    media time goes on
    a later packet waits and repairs the one before   recover   media time goes on
    a later packet waits                              conceal   media time goes on
    nothing waits                                     conceal   media time stands still until the next packet shows
                                                                whether this one was late (it is played) or lost
    the sender pauses (DTX, RFC 4733)                 comfort   playing starts anew with the next packet
    nothing for long                                  silence   playing starts anew with the next packet

A burst of losses therefore leaves the delay as it was, and a burst of late packets adds what they were late by, which
is then cut out again.
"""

from __future__ import annotations

from dataclasses import dataclass

from agent.media.jitter.decision import Decision, PlayoutAction
from agent.media.jitter.delay_control import DelayControl
from agent.media.jitter.playout_stats import PlayoutStats
from agent.media.jitter.timestamps import Packet, Timeline
from hw.sound.frame import FRAME_SAMPLES, RATE_HZ

_MS = RATE_HZ // 1000
_OVERDUE_FRAMES = 2  # at the start nobody hears that sound so late is left out
_STARVED_SAMPLES = 300 * _MS  # after so much concealment playing starts anew
_MAX_GAP_SAMPLES = 1000 * _MS  # a longer gap is not filled
_STALL_S = 0.3  # ticks so far apart mean that nobody listened
_MAX_WAITING = 128
_DECODE = PlayoutAction.DECODE


@dataclass(frozen=True, slots=True)
class PlayoutSettings:
    """Bounds of the delay that the buffer may choose."""

    min_ms: float = 0.0
    max_ms: float = 400.0


class PlayoutBuffer:
    """`put` every packet as it arrives; for every frame to play, `tick` once, then `next` until it is full."""

    def __init__(self, settings: PlayoutSettings | None = None, clock_rate_hz: int = RATE_HZ) -> None:
        bounds = settings or PlayoutSettings()
        self.stats = PlayoutStats()
        self._timeline = Timeline(clock_rate_hz)
        self._delay = DelayControl(bounds.min_ms, bounds.max_ms)
        self._waiting: dict[int, Packet] = {}  # by media time
        self._head: int | None = None  # media time of the next sample; None: playing starts anew with the next packet
        self._last: Packet | None = None  # the latest packet that was decoded
        self._pending = 0  # samples concealed while media time stood still
        self._in_loss = False
        self._short = False  # more is to be cut out than the frame could spare
        self._quiet = False  # the sender said that it pauses
        self._now = float("-inf")  # of the latest tick
        self._backlog = 0
        self._frame = FRAME_SAMPLES

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
        copies: int = 0,
    ) -> None:
        """Take an RTP packet that lasts `samples` at 48 kHz; it may repair the one before, or announce a pause.

        It brings `copies`, each of which is to be put in by `put_copy`, too.
        """
        follows = self._timeline.following(sequence, timestamp, samples, payload, now, repairs, pauses, copies)
        if follows is not None:
            self._store(follows)
            return
        time = self._timeline.media_time(sequence, timestamp)
        packet = Packet(sequence, time, samples, payload, now, repairs, pauses, copies)
        packets = self._timeline.believe(packet, timestamp)
        if len(packets) != 1:
            self.stats.dropped += 1 - len(packets)
            if packets:
                self._begin_timeline()
        for packet in packets:
            self._store(packet)

    def put_copy(
        self, sequence: int, timestamp: int, payload: bytes, samples: int, now: float, *, repairs: bool = False
    ) -> None:
        """Take the copy of a packet, out of one that was just put: it is used if that packet itself is not here."""
        time = self._timeline.media_time(sequence, timestamp)
        if self._head is not None and time >= self._head and time not in self._waiting:
            self._waiting[time] = Packet(sequence, time, samples, payload, now, repairs, False, is_copy=True)
            if len(self._waiting) > _MAX_WAITING:
                self._drop_surplus()

    def skip(self, sequence: int, *, pauses: bool) -> None:
        """Note an RTP packet that cannot be played: it is not lost, and may say that the sender pauses."""
        self._timeline.note(sequence)
        self._quiet = self._quiet or pauses

    def restart(self) -> None:
        """Forget the stream (another SSRC begins); the counters stay."""
        self._timeline.restart()
        self._begin_timeline()

    def _begin_timeline(self) -> None:
        self._waiting.clear()
        self._delay.restart()
        self._last = None
        self._pause()

    def _store(self, packet: Packet) -> None:
        if not self._timeline.note(packet.sequence):
            self.stats.duplicates += 1
            return
        self.stats.received += 1
        self._quiet = False
        self._delay.arrived(packet)
        if self._head is not None and packet.time < self._head:
            self.stats.late += 1
            return
        self._waiting[packet.time] = packet
        if len(self._waiting) > _MAX_WAITING:
            self._drop_surplus()

    # Playing

    def tick(self, now: float, backlog: int, frame: int = FRAME_SAMPLES) -> None:
        """Begin a frame of `frame` samples for `now`; `backlog` of them already wait before what `next` makes."""
        if now - self._now > _STALL_S:
            self._pause()
            self._delay.resume(now)
        self._now, self._backlog, self._frame = now, backlog, frame
        self._delay.tick(now, backlog, frame)

    def ready(self, samples: int) -> bool:
        """Tell whether so much is here without a gap, and the packet behind it where a cut may need that too."""
        head = self._head
        if head is None or head not in self._waiting:
            return False
        end = self._whole_until(head, head + samples)
        return end - head >= samples and (not self._short or end in self._waiting)

    def _whole_until(self, time: int, enough: int) -> int:
        """The end of what waits from `time` on without a gap; not looked for beyond `enough`."""
        while time < enough and (packet := self._waiting.get(time)) is not None:
            time += packet.samples
        return time

    def next(self) -> Decision:
        """Decide what follows in the frame of this tick."""
        waiting = self._waiting
        if len(waiting) == 1 and (head := self._head) is not None and head in waiting:
            only = waiting[head]  # as nearly always
            return self._decode(only, self._delay.aim(only))
        packet = self._earliest()
        if self._head is None:
            return self._start(packet)
        if packet is None:
            return self._starve()
        gap = self._settle(packet, packet.time - self._head)
        if not gap:
            return self._decode(*self._catch_up(packet, self._delay.most_excess_ms))
        if gap > _MAX_GAP_SAMPLES:
            self._pause()
            return self._start(packet)
        return self._fill(packet, gap)

    def adjusted(self, samples: int) -> None:
        """Report how many samples were really added (> 0) or cut out (< 0), for the statistics."""
        if samples > 0:
            self.stats.inserted_ms += samples / _MS
        else:
            self.stats.removed_ms -= samples / _MS

    def _earliest(self) -> Packet | None:
        return self._waiting[min(self._waiting)] if self._waiting else None

    def _pause(self) -> None:
        self._head, self._pending, self._in_loss = None, 0, False

    def _start(self, packet: Packet | None) -> Decision:
        """Play the first packet as soon as the slower ones behind it will be in time too."""
        if packet is not None:
            packet, excess_ms = self._catch_up(packet, _OVERDUE_FRAMES * max(self._frame, FRAME_SAMPLES) / _MS)
            if excess_ms >= 0:
                self.stats.starts += 1
                return self._decode(packet, excess_ms)
        return Decision(PlayoutAction.COMFORT if self._sender_is_quiet else PlayoutAction.SILENCE, FRAME_SAMPLES)

    def _starve(self) -> Decision:
        """Nothing waits: the next packet is late, or lost, or the sender pauses."""
        if self._sender_is_quiet:
            self._pause()
            return Decision(PlayoutAction.COMFORT, FRAME_SAMPLES)
        if self._pending >= _STARVED_SAMPLES:
            self._pause()
            return Decision(PlayoutAction.SILENCE, FRAME_SAMPLES)
        self._pending += FRAME_SAMPLES
        return self._conceal(FRAME_SAMPLES)

    def _settle(self, packet: Packet, gap: int) -> int:
        """What remains of the gap before `packet` after what was already concealed in its place."""
        covered = min(gap, self._pending)
        if self._pending > covered:
            self._delay.late()
        self._pending = 0
        if covered:
            self._advance(covered)
            if not self._follows(packet):
                self._note_loss()
        return gap - covered

    def _follows(self, packet: Packet) -> bool:
        """Whether nothing was lost between the latest packet that was decoded and this one."""
        return self._last is None or self._timeline.complete_between(self._last.sequence, packet.sequence)

    def _fill(self, packet: Packet, gap: int) -> Decision:
        """Make up for the gap before `packet`, or for its first part."""
        if self._follows(packet):
            return Decision(PlayoutAction.COMFORT, self._advance(min(gap, FRAME_SAMPLES)))
        self._note_loss()
        if packet.repairs and gap <= packet.samples:
            self.stats.recovered += 1
            return Decision(PlayoutAction.RECOVER, self._advance(gap), packet.payload)
        return self._conceal(self._advance(min(gap - packet.samples if packet.repairs else gap, FRAME_SAMPLES)))

    def _conceal(self, samples: int) -> Decision:
        self.stats.concealed_ms += samples / _MS
        return Decision(PlayoutAction.CONCEAL, samples)

    def _decode(self, packet: Packet, excess_ms: float) -> Decision:
        del self._waiting[packet.time]
        self._head = packet.time + packet.samples
        if packet.is_copy:
            self._note_loss()
            self.stats.recovered += 1
        self._pending, self._in_loss, self._last = 0, False, packet
        self.stats.decoded += 1
        self.stats.delay_ms = (self._now - packet.arrival) * 1000 + self._backlog / _MS
        self.stats.target_ms = self._delay.target_ms
        wanted = self._delay.spend(excess_ms)
        self._short = False
        if wanted >= 0:
            return Decision(_DECODE, packet.samples, packet.payload, wanted)
        return Decision(_DECODE, packet.samples, packet.payload, self._cut(packet, wanted), self._delay.at_leisure)

    def _cut(self, packet: Packet, wanted: int) -> int:
        """Decide what to cut out (< 0): never so much that the frame would need a packet that is not here yet."""
        needed = packet.time + self._frame - self._backlog
        end = packet.time + packet.samples
        least = min(0, needed - self._whole_until(end, needed - wanted))
        self._short = wanted < least
        return max(wanted, least)

    def _advance(self, samples: int) -> int:
        assert self._head is not None
        self._head += samples
        return samples

    def _catch_up(self, packet: Packet, limit_ms: float) -> tuple[Packet, float]:
        """(the packet to play, its excess): leaves out what came so late, all at once, that the delay were absurd."""
        excess_ms = self._delay.aim(packet)
        if len(self._waiting) < 2 or excess_ms < limit_ms:
            return packet, excess_ms
        self._drop_before(min(max(self._waiting), packet.time + int(excess_ms * _MS)))
        packet = self._waiting[min(self._waiting)]
        return packet, self._delay.aim(packet)

    def _drop_surplus(self) -> None:
        self._drop_before(sorted(self._waiting)[1])

    def _drop_before(self, time: int) -> None:
        for old in [waiting for waiting in self._waiting if waiting < time]:
            del self._waiting[old]
            self.stats.dropped += 1

    @property
    def _sender_is_quiet(self) -> bool:
        return self._quiet or (self._last is not None and self._last.pauses)

    def _note_loss(self) -> None:
        if not self._in_loss:
            self._in_loss = True
            self._delay.lost()

"""How long received sound should wait before it is played: the control of the playout buffer. Pure.

Theory. The player takes one frame a tick. `head` is the media time of the next sample to be made, and `backlog`
samples made before it still wait; a packet at `head` is needed at the tick that finds less than a frame there. How long
a packet with the usual transit has been here by then is its `spare` time, and all of its sound is then played `backlog`
samples later:

    delay of a usual packet = spare + backlog

Where packets and frames are not multiples of each other the backlog differs from packet to packet, and comes back to
every multiple of their `grain`, the greatest length that divides the frame and each packet, below a frame. The packet
that finds the most of it has the least spare time: what it lacks is kept for it by all others. What the backlog is
beyond a multiple is always waste, and so is a whole step of grains of spare time above the `floor`: samples are cut
out. Spare time below the floor is too little: samples are added. Because clocks that drift apart show as a transit that
drifts, this keeps the delay still for hours. The floor rises with uneven ticks and, while packets get lost, by the
length of the packets until the last one that can bring the repair.
"""

from __future__ import annotations

from collections import deque
from math import gcd, inf

from agent.media.jitter.decision import HURRY_SAMPLES
from agent.media.jitter.spare_time import SpareTime
from agent.media.jitter.timestamps import Packet
from agent.media.jitter.transit_window import WINDOW_S, TransitWindow
from hw.sound.frame import FRAME_SAMPLES, RATE_HZ

_MS = RATE_HZ // 1000
_LATE_COST = 2000 * _MS  # one packet in a hundred too late is as bad as a hundredth of this as delay
_FEW_PACKETS = 15  # fewer say nothing about the jitter
_FIRST_WAIT_MS = 10.0
_GUARD_MS = 1.5
_HYSTERESIS_MS = 3.0
_LEAST_STEP = 5 * _MS  # a smaller change is not worth a joint
_LEAST_EXCESS_MS, _MOST_EXCESS_MS = 20.0, 250.0
_REPAIR_PACKETS = 200  # two losses in so many make it worth waiting for what repairs them ...
_UNHURT_PACKETS = 300  # ... until there was none in so many
_REPAIRS_S = 10.0
_LEISURE_S = 10.0  # speech has pauses; what has none is cut anywhere after so long


class DelayControl:
    """Watches transits, ticks and losses; tells by how much the delay is too long or too short."""

    def __init__(self, min_ms: float, max_ms: float) -> None:
        self._min_ms = min_ms
        self._max = max_ms * _MS
        self._transits = TransitWindow()
        self._lengths: dict[int, float] = {}  # of the packets lately, in samples, and when the last of each came
        self._losses: deque[float] = deque(maxlen=64)
        self._repairing = False
        self._repairs_at = float("-inf")  # when the latest packet came that can repair another: in silence none does
        self._reach = 1  # how many packets before it that one can repair
        self._now = 0.0
        self._backlog = 0
        self._frame = self._grain = FRAME_SAMPLES
        self._step = _step(FRAME_SAMPLES)
        self._expected_tick = 0.0
        self._tick_error = 0.0
        self._spare = SpareTime()
        self._adjusted = False  # in this tick
        self._growing = False
        self._settled = False  # nothing was spare since the timeline began: before, sooner is better than unheard
        self._to_cut_since = inf
        self.at_leisure = False  #: whether what `spend` cuts out can wait for a quiet place
        self.target_ms = 0.0  # the delay aimed at for the fastest packets, not counting the wait for the next tick

    def arrived(self, packet: Packet) -> None:
        """Note a packet's transit and length, late or not."""
        self._transits.add(packet.arrival, packet.transit)
        self._lengths[packet.samples] = packet.arrival
        if len(self._lengths) > 1:
            known = self._lengths.items()
            self._lengths = {length: at for length, at in known if packet.arrival - at <= WINDOW_S}
        if packet.repairs or packet.copies:
            self._repairs_at = packet.arrival
            self._reach = max(packet.copies, 1)

    def lost(self) -> None:
        """Note that sound was missing when it was needed."""
        self._losses.append(self._now)

    def late(self) -> None:
        """Note that a packet came later than the delay allowed for, which made it longer."""
        self._spare.added(self._now)

    def tick(self, now: float, backlog: int, frame: int) -> None:
        """Note that `frame` samples are wanted, with `backlog` samples in front of what will be made for them."""
        error = now - self._expected_tick
        self._expected_tick += frame / RATE_HZ + error / 16
        self._tick_error += (abs(error) - self._tick_error) / 16
        self._now, self._backlog, self._frame, self._adjusted = now, backlog, frame, False

    def resume(self, now: float) -> None:
        """Forget how even the ticks were: there were none for a while."""
        self._expected_tick, self._tick_error = now, 0.0

    def restart(self) -> None:
        """Forget the transits: another timeline begins."""
        self._transits.clear()
        self._lengths.clear()
        self._settled = False

    def aim(self, packet: Packet) -> float:
        """Set `target_ms` for sound in the place of `packet`.

        Returns the excess: how many ms too long a usual packet in that place has waited; negative: not long enough.
        """
        grain = gcd(self._frame, packet.samples, *self._lengths)
        if grain != self._grain:
            self._grain, self._step = grain, _step(grain)
        if self._transits.count < _FEW_PACKETS:
            return (self._now - packet.arrival) * 1000 - _FIRST_WAIT_MS - self._turn_ms
        if self._losses:
            self._judge_losses(packet.samples / RATE_HZ)
        fastest = self._transits.fastest
        usual = min(self._transits.usual(_LATE_COST), fastest + self._max)
        jitter_ms = (usual - fastest) / _MS
        repair_ms = self._repair_ms(packet, usual) if self._repairing else 0.0
        # For ticks that come early, and for the packet that will find the most backlog.
        floor_ms = max(_GUARD_MS + 2000 * self._tick_error + self._turn_ms + repair_ms, self._min_ms - jitter_ms)
        self.target_ms = jitter_ms + floor_ms
        return self._now * 1000 - (packet.time + usual) / _MS - floor_ms

    @property
    def most_excess_ms(self) -> float:
        """The excess that is not cut bit by bit any more: what lies behind it is left out."""
        return min(_MOST_EXCESS_MS, max(_LEAST_EXCESS_MS, self._max / _MS - self.target_ms))

    def spend(self, excess_ms: float) -> int:
        """Decide how many samples to add (> 0) or to cut out (< 0) with this excess; once in a tick, then 0."""
        if self._adjusted or self._transits.count < _FEW_PACKETS:
            return 0
        self._adjusted = True
        waste = self._backlog % self._grain
        # Half a step added helps nothing: what was begun is finished, or it would be cut out again at once.
        self._growing = excess_ms < 0 or (self._growing and excess_ms < _HYSTERESIS_MS)
        if self._growing:
            self._spare.added(self._now)
            self._to_cut_since = inf
            return self._step - waste
        unsure_ms = 0.0 if self._grain == self._frame else self._grain / _MS  # of the backlog in other turns
        spare_ms, step_ms = excess_ms - unsure_ms, self._step / _MS
        cut = waste + self._spare.steps(self._now, spare_ms, step_ms) * self._step
        self._settled = self._settled or (not cut and spare_ms < step_ms)
        self._to_cut_since = min(self._to_cut_since, self._now) if cut else inf
        self.at_leisure = self._settled and cut < HURRY_SAMPLES and self._now - self._to_cut_since < _LEISURE_S
        return -cut

    def _judge_losses(self, length_s: float) -> None:
        """Begin to wait for repairs, go on, or stop, with packets of this length."""
        unhurt = self._now - self._losses[-1] > _UNHURT_PACKETS * length_s
        self._repairing = not unhurt and (self._repairing or self._recent_losses(length_s) >= 2)

    def _recent_losses(self, length_s: float) -> int:
        recent = self._now - _REPAIR_PACKETS * length_s
        return sum(at >= recent for at in self._losses)

    @property
    def _turn_ms(self) -> float:
        """How much more backlog than this one the packet whose turn is the worst will find."""
        return (self._frame - self._grain - self._backlog // self._grain * self._grain) / _MS

    def _repair_ms(self, packet: Packet, usual: float) -> float:
        """How much longer to wait so that the packet is there that can repair a lost one: the next, or one behind it.

        Only where one was lost is that needed, so more of them may be late than of those that are played.
        """
        length_ms = packet.samples / _MS
        if self._now - self._repairs_at > _REPAIRS_S:
            return 0.0
        share = max(self._recent_losses(length_ms / 1000), 1) / _REPAIR_PACKETS
        return max(0.0, self._reach * length_ms - (usual - self._transits.usual(_LATE_COST * share)) / _MS)


def _step(grain: int) -> int:
    """By how much the delay may change: less than a grain would only make waste."""
    return -(-_LEAST_STEP // grain) * grain

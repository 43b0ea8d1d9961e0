"""A far end, a network and a player on a fake clock, for the tests of the playout buffer."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from math import inf

from agent.media.jitter.buffer import PlayoutBuffer
from agent.media.jitter.decision import Decision, PlayoutAction
from agent.media.pump import MOST_AHEAD_S
from hw.sound.frame import RATE_HZ

FRAME_S = 0.02
LONGEST_CUT = 480
FIRST_SEQUENCE = 65_000
FIRST_TIMESTAMP = 4_294_900_000


@dataclass
class Network:
    """When each packet of an endless stream arrives: delay, jitter (mean of an exponential, cut off), seeded loss."""

    packet_ms: int = 20
    delay_ms: float = 50.0
    jitter_ms: float = 0.5
    most_jitter_ms: float = inf
    loss: float = 0.0
    lost: frozenset[int] = frozenset()
    stalls: dict[int, float] = field(default_factory=dict)  # packet: ms for which it and all behind it wait in a queue
    clock_ppm: float = 0.0  # how much the sender's clock is fast
    seed: int = 1

    def arrivals(self, seconds: float) -> list[tuple[float, int]]:
        """(time, packet number) in order of arrival."""
        rng = random.Random(self.seed)
        found, blocked_until = [], 0.0
        for number in range(int(seconds * 1000 / self.packet_ms)):
            sent = number * self.packet_ms / 1000 * (1 - self.clock_ppm * 1e-6)
            at = sent + (self.delay_ms + min(self.most_jitter_ms, rng.expovariate(1 / self.jitter_ms))) / 1000
            drop = rng.random() < self.loss or number in self.lost
            blocked_until = max(blocked_until, sent + self.stalls.get(number, 0.0) / 1000)
            if not drop:
                found.append((max(at, blocked_until), number))
        return sorted(found)


@dataclass
class Player:
    """Pulls one frame every 20 ms and cuts or adds sound as it is told to, as a pitch period at a time would."""

    buffer: PlayoutBuffer
    repairs: bool = True
    phase_ms: float = 7.0
    period_ms: int = 20
    pauses: bool = True  # whoever talks does; without a pause nothing can be cut at leisure
    backlog: int = 0
    decisions: list[Decision] = field(default_factory=list)
    delays: list[tuple[float, float]] = field(default_factory=list)  # (time, ms)

    def run(self, network: Network, seconds: float) -> None:
        """Play a call of so many seconds."""
        arrivals = network.arrivals(seconds)
        at = 0
        for tick in range(int(seconds / FRAME_S)):
            now = tick * FRAME_S + self.phase_ms / 1000
            while at < len(arrivals) and arrivals[at][0] <= now:
                self.put(arrivals[at][1], arrivals[at][0], network.packet_ms)
                at += 1
            self.pull(now)

    def run_eagerly(self, network: Network, seconds: float) -> None:
        """Play a call as the pump does: each period as soon as it can be made well, else when the card needs it."""
        arrivals, at, due, now = network.arrivals(seconds), 0, self.phase_ms / 1000, 0.0
        while now < seconds:
            comes = arrivals[at][0] if at < len(arrivals) else seconds
            now = min(due, comes)
            if comes <= due and at < len(arrivals):
                self.put(arrivals[at][1], now, network.packet_ms)
                at += 1
            while due <= now or (due - now < MOST_AHEAD_S and self.is_ready()):
                self.pull(max(now, due))
                due += self.period_ms / 1000

    def is_ready(self) -> bool:
        """Whether the next period can be made out of what has come."""
        missing = self.frame - self.backlog
        return missing <= 0 or self.buffer.ready(missing)

    @property
    def frame(self) -> int:
        """Samples of a period."""
        return self.period_ms * RATE_HZ // 1000

    def put(self, number: int, now: float, packet_ms: int = 20) -> None:
        """Packet `number` arrives."""
        samples = packet_ms * 48
        timestamp = FIRST_TIMESTAMP + number * samples & 0xFFFFFFFF
        sequence = FIRST_SEQUENCE + number & 0xFFFF
        self.buffer.put(sequence, timestamp, b"%d" % number, samples, now, repairs=self.repairs)

    def pull(self, now: float) -> list[Decision]:
        """One period; what it was made of."""
        made = []
        self.buffer.tick(now, self.backlog, self.frame)
        while self.backlog < self.frame:
            made.append(self._make(now))
        self.backlog -= self.frame
        self.decisions += made
        return made

    def _make(self, now: float) -> Decision:
        decision = self.buffer.next()
        longest = min(LONGEST_CUT, decision.samples // 2)
        change = max(-longest, min(longest, decision.adjust)) if self.pauses or not decision.leisurely else 0
        self.buffer.adjusted(change)
        self.backlog += decision.samples + change
        if decision.action is PlayoutAction.DECODE:
            self.delays.append((now, self.buffer.stats.delay_ms))
        return decision

    def count(self, action: PlayoutAction) -> int:
        """How many pieces were made in this way."""
        return sum(decision.action is action for decision in self.decisions)

    def played(self) -> list[int]:
        """The numbers of the packets that were decoded, in order."""
        return [int(decision.payload) for decision in self.decisions if decision.action is PlayoutAction.DECODE]

    def delay_ms(self, start_s: float, end_s: float = float("inf"), share: float = 0.5) -> float:
        """A quantile of the delays between two moments."""
        found = sorted(delay for now, delay in self.delays if start_s <= now < end_s)
        return found[int((len(found) - 1) * share)]

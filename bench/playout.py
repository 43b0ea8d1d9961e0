"""What waits how long: our playout buffer and stock aiortc's on the same packet traces, with real Opus packets.

    python -m bench.playout [--seconds S]

Delay is from a packet's arrival to the hand-over of its sound to a player that takes a frame every 20 ms. "missing" is
the share of time filled with concealment (ours) or silence (stock); "repaired" counts lost packets rebuilt from the
next one. The last rows are of one burst, ten packets lost in a row: the median delay before it, and 30 s after it.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from aiortc.jitterbuffer import JitterBuffer
from aiortc.rtp import RtpPacket

from agent.media.codec.receiver import AudioReceiver
from agent.media.codec.sender import AudioSender
from bench.speech import pieces
from hw.sound.frame import FRAME_SAMPLES

FRAME_S = 0.02
NETWORK_S = 0.05
LATE_CALL_S = 5.0  # figures are of the time after this
PHASES_S = (0.002, 0.007, 0.012, 0.017)  # the player's beat against the packets'
BURST_PACKETS = 10
BURST_S, BURST_LATER_S, BURST_WINDOW_S = 20.0, 30.0, 10.0
BURST_LIMIT_MS = 5.0


@dataclass(frozen=True)
class Trace:
    """A network: random loss, exponential jitter, rare spikes, stalls, a fast or slow sender, one burst of loss."""

    name: str
    loss: float = 0.0
    jitter_ms: float = 0.7
    spikes: float = 0.0
    stall_every_s: float = 0.0
    clock_ppm: float = 0.0
    burst_at: int = -BURST_PACKETS  # number of the first packet that is lost

    def arrivals(self, count: int, seed: int) -> list[tuple[float, int]]:
        """(time, packet number), in order of arrival."""
        rng = random.Random(seed)
        found, blocked = [], 0.0
        for number in range(count):
            sent = number * FRAME_S * (1 - self.clock_ppm * 1e-6)
            delay = rng.expovariate(1000 / self.jitter_ms) + (rng.random() * 0.12 if rng.random() < self.spikes else 0)
            if self.stall_every_s and sent % self.stall_every_s < FRAME_S:
                blocked = sent + NETWORK_S + 0.15
            in_burst = 0 <= number - self.burst_at < BURST_PACKETS
            if rng.random() >= self.loss and not in_burst:
                found.append((max(sent + NETWORK_S + delay, blocked), number))
        return sorted(found)


TRACES = (
    Trace("clean"),
    Trace("2 % loss", loss=0.02),
    Trace("5 % loss", loss=0.05),
    Trace("20 % loss", loss=0.20),
    Trace("10 ms jitter", jitter_ms=10),
    Trace("5 % loss, 10 ms jitter", loss=0.05, jitter_ms=10),
    Trace("1 % loss, 2 % spikes", loss=0.01, spikes=0.02),
    Trace("150 ms stall every 10 s", stall_every_s=10),
    Trace("sender 500 ppm fast", clock_ppm=500),
    Trace("sender 500 ppm slow", clock_ppm=-500),
)
BURST_TRACES = (Trace("clean"), Trace("10 ms jitter", jitter_ms=10))


@dataclass
class Outcome:
    """Delays (when, ms) after the first seconds, and what was done about the rest."""

    delays: list[tuple[float, float]] = field(default_factory=list)
    missing: float = 0.0
    repaired: int = 0
    us_per_frame: float = 0.0

    def delay(self, share: float, since: float = 0.0, until: float = float("inf")) -> float:
        """A quantile of a part of the time."""
        ordered = sorted(ms for at, ms in self.delays if since <= at < until)
        return ordered[int((len(ordered) - 1) * share)] if ordered else float("nan")


def ours(packets: list[tuple[int, bytes]], arrivals: list[tuple[float, int]], phase_s: float) -> Outcome:
    """Our receiver with its decoder."""
    receiver, outcome, at = AudioReceiver(), Outcome(), 0
    ticks = int(arrivals[-1][0] / FRAME_S)
    started = time.process_time()
    for tick in range(ticks):
        now = tick * FRAME_S + phase_s
        while at < len(arrivals) and arrivals[at][0] <= now:
            arrival, number = arrivals[at]
            receiver.put(number & 0xFFFF, packets[number][0], packets[number][1], arrival)
            at += 1
        before = receiver.stats.decoded
        receiver.pull(now)
        if receiver.stats.decoded > before and now > LATE_CALL_S:
            outcome.delays.append((now, receiver.stats.delay_ms))
    outcome.us_per_frame = (time.process_time() - started) / ticks * 1e6
    outcome.missing = receiver.stats.concealed_ms / (ticks * FRAME_S * 1000)
    outcome.repaired = receiver.stats.recovered
    return outcome


def stock(packets: list[tuple[int, bytes]], arrivals: list[tuple[float, int]], phase_s: float) -> Outcome:
    """aiortc's jitter buffer as its receiver sets it up, drained by the same player; nothing is decoded."""
    buffer, outcome, at, silent = JitterBuffer(capacity=16, prefetch=4), Outcome(), 0, 0
    arrived: dict[int, float] = {}
    ready: deque[int] = deque()
    ticks = int(arrivals[-1][0] / FRAME_S)
    for tick in range(ticks):
        now = tick * FRAME_S + phase_s
        while at < len(arrivals) and arrivals[at][0] <= now:
            arrival, number = arrivals[at]
            packet = RtpPacket(sequence_number=number & 0xFFFF, timestamp=packets[number][0])
            packet._data = packets[number][1]
            arrived[packet.timestamp] = arrival
            _, frame = buffer.add(packet)
            if frame is not None:
                ready.append(frame.timestamp)
            at += 1
        if ready:
            delay_ms = (now - arrived.pop(ready.popleft())) * 1000
            if now > LATE_CALL_S:
                outcome.delays.append((now, delay_ms))
        else:
            silent += 1
    outcome.missing = silent / ticks
    return outcome


Run = Callable[[list[tuple[int, bytes]], list[tuple[float, int]], float], Outcome]


def over_phases(run: Run, packets: list[tuple[int, bytes]], trace: Trace) -> Outcome:
    """One trace, with the player's beat at several places between the packets."""
    total = Outcome()
    for seed, phase_s in enumerate(PHASES_S):
        outcome = run(packets, trace.arrivals(len(packets), seed), phase_s)
        total.delays += outcome.delays
        total.missing += outcome.missing / len(PHASES_S)
        total.repaired += outcome.repaired
        total.us_per_frame += outcome.us_per_frame / len(PHASES_S)
    return total


def burst(packets: list[tuple[int, bytes]], trace: Trace) -> float:
    """Print what a burst leaves behind in a minute of `trace`; return by how many ms our delay grew."""
    trace = replace(trace, burst_at=round(BURST_S / FRAME_S))
    grown = []
    for name, run in (("ours", ours), ("stock", stock)):
        outcome, later = over_phases(run, packets, trace), BURST_S + BURST_LATER_S
        before = outcome.delay(0.5, BURST_S - BURST_WINDOW_S, BURST_S)
        after = outcome.delay(0.5, later, later + BURST_WINDOW_S)
        grown.append(after - before)
        print(f"burst, {trace.name}, {name}: before {before:.1f} ms, 30 s after {after:.1f} ms, {grown[-1]:+.1f} ms")
    return grown[0]


def said(count: int) -> list[tuple[int, bytes]]:
    """That many packets of speech: timestamp and payload."""
    pcm = b"".join(piece.tobytes() for piece in pieces())
    sender = AudioSender()
    packets = []
    for number in range(count):
        start = number * FRAME_SAMPLES * 2 % (len(pcm) - FRAME_SAMPLES * 2)
        packet = sender.push(pcm[start // 2 * 2 :][: FRAME_SAMPLES * 2])[0]
        packets.append((packet.timestamp, packet.payload))
    return packets


def _row(trace: Trace, mine: Outcome, theirs: Outcome) -> str:
    left = f"{mine.delay(0.5):7.1f} {mine.delay(0.95):7.1f} |{mine.missing:8.2%} |{mine.repaired:8} |"
    return f"{trace.name:24}|{left}{theirs.delay(0.5):7.1f} {theirs.delay(0.95):8.1f} |{theirs.missing:8.2%}"


def main() -> None:
    """Print the table and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60)
    seconds = parser.parse_args().seconds
    count = int(seconds / FRAME_S)
    minute = int((BURST_S + BURST_LATER_S + BURST_WINDOW_S) / FRAME_S)
    packets = said(max(count, minute))
    print(f"{'':24}|{'ours: delay ms':^16}|{'':9}|{'':9}|{'stock: delay ms':^17}|")
    print(f"{'':24}|{'p50':>7} {'p95':>7} |{'missing':>8} |{'repaired':>8} |{'p50':>7} {'p95':>8} |{'missing':>8}")
    ratios = []
    for trace in TRACES:
        mine, theirs = (over_phases(run, packets[:count], trace) for run in (ours, stock))
        ratios.append(mine.delay(0.5) / theirs.delay(0.5))
        print(_row(trace, mine, theirs), flush=True)
    grown = max(burst(packets[:minute], trace) for trace in BURST_TRACES)
    verdict = "kept" if grown <= BURST_LIMIT_MS else "MISSED"
    print(f"playout: median delay {min(ratios):.2f} to {max(ratios):.2f} of stock aiortc's; "
          f"{mine.us_per_frame:.0f} us a frame with decoding; "
          f"30 s after a burst {grown:+.1f} ms, {verdict} (limit {BURST_LIMIT_MS:.0f} ms)")  # fmt: skip


if __name__ == "__main__":
    main()

"""Speech quality (PESQ-WB, ITU-T P.862.2) and delay where nothing is lost, but packets are late now and then.

    python -m bench.late_packets [--seeds N]

Simulated, through our encoder, playout buffer and decoder, with a card that takes 10 ms at a time. Each change of the
delay within a word costs more than a lost packet, so what counts is how seldom the delay changes, and where. "Swings"
is a microphone whose blocks are a little shorter than a frame: the delay rises by 20 ms in 8 s, and falls again at
once. Beside each figure is that of stock aiortc's jitter buffer with the same packets. Needs espeak-ng and `pesq`.
"""

from __future__ import annotations

import argparse
import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from agent.media.codec.receiver import AudioReceiver
from agent.media.codec.sender import OPUS, AudioSender, SenderSettings
from agent.media.pump import FRAME_S, MOST_AHEAD_S
from bench.delay import lag
from bench.quality import Pcm, score
from bench.speech import PIECE_S, pieces
from bench.stock_aiortc import StockAudio
from hw.sound.frame import FRAME_SAMPLES, RATE_HZ

NETWORK_S, JITTER_S = 0.03, 0.001
PIECE_SAMPLES, CARD_S = RATE_HZ // 100, 0.01
WARM_UP_S, MARK_S, LONGEST_S = 10, 2, 0.4
SWING_S = 8.0

Late = Callable[[int, random.Random], float]  # of a packet: by how many seconds


@dataclass
class Heard:
    """What a player played of a call, and when its first sample was due."""

    pcm: Pcm
    begins_s: float


def seldom(share: float) -> Late:
    """One packet in so many is held back by 10 to 60 ms."""
    return lambda _number, rng: rng.uniform(0.01, 0.06) if rng.random() < share else 0.0


CASES: dict[str, Late] = {
    "none late": lambda _number, _rng: 0.0,
    "swings": lambda number, _rng: FRAME_S * (number * FRAME_S % SWING_S) / SWING_S,
    "1 in 300": seldom(1 / 300),
    "1 in 100": seldom(1 / 100),
    "1 in 20": seldom(1 / 20),
}


def arrivals(packets: int, late: Late, rng: random.Random) -> Iterator[tuple[float, int]]:
    """(time, number), in order: nobody overtakes."""
    before = 0.0
    for number in range(packets):
        before = max(before, number * FRAME_S + NETWORK_S + rng.random() * JITTER_S + late(number, rng))
        yield before, number


def ours(said: Pcm, late: Late, rng: random.Random) -> Heard:
    """Our way: each piece is made as soon as it can be made well, or else when the card needs it."""
    sender, receiver, played = AudioSender(OPUS, SenderSettings()), AudioReceiver(OPUS), list[bytes]()
    frames = (said[at : at + FRAME_SAMPLES].tobytes() for at in range(0, len(said), FRAME_SAMPLES))
    packets = [packet for frame in frames for packet in sender.push(frame)]
    coming, begins_s = deque(arrivals(len(packets), late, rng)), rng.random() * CARD_S
    while len(played) * PIECE_SAMPLES < len(said):
        due = begins_s + len(played) * CARD_S
        if not coming or coming[0][0] > due:
            played.append(receiver.pull(due, PIECE_SAMPLES))
            continue
        now, number = coming.popleft()
        receiver.put(number & 0xFFFF, packets[number].timestamp, packets[number].payload, now)
        while receiver.ready(PIECE_SAMPLES) and begins_s + len(played) * CARD_S - now < MOST_AHEAD_S:
            played.append(receiver.pull(begins_s + len(played) * CARD_S, PIECE_SAMPLES))
    return Heard(np.frombuffer(b"".join(played), np.int16), begins_s)


def stock(said: Pcm, late: Late, rng: random.Random) -> Heard:
    """That of stock aiortc, drained by a player every 20 ms."""
    audio, played = StockAudio(), list[bytes]()
    coming = deque(arrivals(len(said) // FRAME_SAMPLES, late, rng))
    for tick in range(len(said) // FRAME_SAMPLES):
        while coming and coming[0][0] <= tick * FRAME_S:
            _, number = coming.popleft()
            audio.receive(audio.encode(number, said[number * FRAME_SAMPLES :][:FRAME_SAMPLES].tobytes()))
        played.append(audio.play())
    return Heard(np.frombuffer(b"".join(played), np.int16), 0.0)


def measure(way: Callable[[Pcm, Late, random.Random], Heard], late: Late, seeds: int) -> tuple[float, float]:
    """(PESQ, delay in ms), the means over all pieces of so many calls, each after some seconds of call."""
    spoken = pieces()
    said = np.concatenate((np.resize(spoken[-1], WARM_UP_S * RATE_HZ), *spoken, np.zeros(RATE_HZ, np.int16)))
    scores, delays = [], []
    for seed in range(seeds):
        heard = way(said, late, random.Random(seed))
        for number, piece in enumerate(spoken):
            start = (WARM_UP_S + number * PIECE_S) * RATE_HZ
            mark = MARK_S * RATE_HZ
            at = lag(piece[:mark], heard.pcm[start : start + mark + int(LONGEST_S * RATE_HZ)]) or 0
            scores.append(score(piece, heard.pcm[start + at : start + at + len(piece)]))
            delays.append((at / RATE_HZ + heard.begins_s) * 1000)
    return float(np.mean(scores)), float(np.mean(delays))


def main() -> None:
    """Print the table, and a last line with the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=8)
    seeds = parser.parse_args().seeds
    print(f"{'packets late':14}{'here: PESQ':>12}{'ms':>6}{'stock aiortc: PESQ':>22}{'ms':>6}")
    ratios: list[str] = []
    for name, late in CASES.items():
        (mine, my_ms), (other, other_ms) = (measure(way, late, seeds) for way in (ours, stock))
        ratios.append(f"{mine / other:.2f} at {my_ms / other_ms:.2f}")
        print(f"{name:14}{mine:12.2f}{my_ms:6.0f}{other:22.2f}{other_ms:6.0f}", flush=True)
    print(f"late packets: stock aiortc's PESQ and delay x {', '.join(ratios)}")


if __name__ == "__main__":
    main()

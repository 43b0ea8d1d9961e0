"""Speech quality (PESQ-WB, ITU-T P.862.2) through our encoder, random loss, playout buffer and decoder.

    python -m bench.quality [--seeds N] [--bitrate B]

Measured beside it on the same losses: the path of stock aiortc (its encoder, jitter buffer and decoder). Needs
espeak-ng and the Python packages `pesq` and `scipy`.
"""

from __future__ import annotations

import argparse
import random
from collections import deque
from collections.abc import Callable

import numpy as np
import soxr
from numpy.typing import NDArray
from pesq import pesq

from agent.media.codec.receiver import AudioReceiver
from agent.media.codec.sender import OPUS, PCMU, AudioSender, SenderSettings
from agent.media.rtp.red import Block, RedWriter, unpack
from agent.media.rtp_endpoint import MOST_BITRATE
from bench.speech import pieces
from bench.stock_aiortc import StockAudio
from hw.sound.frame import FRAME_SAMPLES, RATE_HZ

LOSSES = (0.0, 0.05, 0.10, 0.20)
MUST, AIM = (4.0, 3.0, 2.5, 1.9), (4.3, 3.5, 3.0, 2.2)
NETWORK_S, JITTER_S, TICK_PHASE_S = 0.03, 0.001, 0.009
OPUS_TYPE = 111
REPORT_FRAMES = 125  # a receiver report every 2.5 s
LATE_FRAMES = 10  # what is said last is heard later
WARM_UP_FRAMES = 250  # the call has gone on for a while before the piece that is judged

Pcm = NDArray[np.int16]
Chain = Callable[[Pcm, float, random.Random], Pcm]


def ours(codec: str, settings: SenderSettings) -> Chain:
    """AudioSender -> loss -> AudioReceiver, with the loss reported back, and whole copies (RED) if the settings say."""

    def chain(sound: Pcm, loss: float, rng: random.Random) -> Pcm:
        sender, receiver = AudioSender(codec, settings), AudioReceiver(codec)
        red = RedWriter(OPUS_TYPE, RATE_HZ, MOST_BITRATE)
        sequence, in_flight, played = 0, deque[tuple[float, int, int, bytes, tuple[Block, ...]]](), []
        for number in range(len(sound) // FRAME_SAMPLES):
            now = number * 0.02
            for packet in sender.push(sound[number * FRAME_SAMPLES :][:FRAME_SAMPLES].tobytes()):
                samples = settings.packet_ms * RATE_HZ // 1000
                copied = red.write(packet.payload, packet.timestamp, samples) if settings.red else None
                if rng.random() >= loss:
                    arrival = now + NETWORK_S + rng.random() * JITTER_S
                    *copies, own = unpack(copied) if copied else (Block(OPUS_TYPE, 0, packet.payload),)
                    in_flight.append((arrival, sequence, packet.timestamp, own.payload, tuple(copies)))
                sequence += 1
            if number % REPORT_FRAMES == REPORT_FRAMES - 1:
                sender.report_loss(loss)
                red.copies = sender.copies
            while in_flight and in_flight[0][0] <= now + TICK_PHASE_S:
                arrival, number_sent, timestamp, payload, with_it = in_flight.popleft()
                receiver.put(number_sent, timestamp, payload, arrival, copies=with_it)
            played.append(receiver.pull(now + TICK_PHASE_S))
        return np.frombuffer(b"".join(played), np.int16)

    return chain


def stock(sound: Pcm, loss: float, rng: random.Random) -> Pcm:
    """The same of stock aiortc, drained by a player every 20 ms."""
    audio, played = StockAudio(), []
    for number in range(len(sound) // FRAME_SAMPLES):
        packet = audio.encode(number, sound[number * FRAME_SAMPLES :][:FRAME_SAMPLES].tobytes())
        if rng.random() >= loss:
            audio.receive(packet)
        played.append(audio.play())
    return np.frombuffer(b"".join(played), np.int16)


def score(sound: Pcm, heard: Pcm) -> float:
    """PESQ-WB of what was heard against what was said."""
    wide = [soxr.resample(pcm.astype(np.float32) / 32768, RATE_HZ, 16_000) for pcm in (sound, heard)]
    return float(pesq(16_000, *wide, "wb"))


def measure(chain: Chain, loss: float, seeds: int) -> float:
    """The mean over all pieces and seeds, each after some seconds of call."""
    scores = []
    for seed in range(seeds):
        for number, piece in enumerate(pieces()):
            before, after = (
                np.resize(piece, WARM_UP_FRAMES * FRAME_SAMPLES),
                np.zeros(LATE_FRAMES * FRAME_SAMPLES, np.int16),
            )
            heard = chain(np.concatenate((before, piece, after)), loss, random.Random(seed * 100 + number))
            scores.append(score(np.concatenate((piece, after)), heard[len(before) :]))
    return sum(scores) / len(scores)


def main() -> None:
    """Print the table and the verdict."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--bitrate", type=int, default=SenderSettings().bitrate)
    wanted = parser.parse_args()
    rows: dict[str, Chain] = {
        "ours, Opus 20 ms": ours(OPUS, SenderSettings(bitrate=wanted.bitrate)),
        "ours, Opus 20 ms, RED": ours(OPUS, SenderSettings(bitrate=wanted.bitrate, red=True)),
        "ours, Opus 60 ms": ours(OPUS, SenderSettings(bitrate=wanted.bitrate, packet_ms=60)),
        "ours, PCMU": ours(PCMU, SenderSettings()),
        "stock aiortc": stock,
    }
    print(f"{'PESQ-WB at random loss of':26}" + "".join(f"{loss:8.0%}" for loss in LOSSES))
    results = {}
    for name, chain in rows.items():
        results[name] = [measure(chain, loss, wanted.seeds) for loss in LOSSES]
        print(f"{name:26}" + "".join(f"{value:8.2f}" for value in results[name]), flush=True)
    for name, row in (("must reach", MUST), ("aim", AIM)):
        print(f"{name:26}" + "".join(f"{value:8.2f}" for value in row))
    mine, theirs = results["ours, Opus 20 ms"], results["stock aiortc"]
    verdict = "reached" if all(a >= b for a, b in zip(mine, MUST, strict=True)) else "missed"
    ratios = "/".join(f"{a / b:.2f}" for a, b in zip(mine, theirs, strict=True))
    print(f"quality: {verdict}; ours over stock aiortc {ratios} at 0/5/10/20 % loss")


if __name__ == "__main__":
    main()

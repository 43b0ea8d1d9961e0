"""Where the time from mouth to ear goes: one call of ours over virtual cards, listened to at every station.

    python -m bench.delay_budget [--seconds 20] [--rounds 3] [--unprocessed]

Each second of speech is looked for at the station behind, so that what a step holds back is measured with what it
makes wait, and the steps add up to the whole. The time of a sample is that at which its piece was handed on with all
earlier ones, so the length of a packet shows where its sound leaves piece by piece again: in front of the speaker.
Needs what bench.mouth_to_ear needs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from agent.media.codec.opus import OpusDecoder, OpusEncoder
from bench.delay import LONGEST_S, lag
from bench.listen import Heard, Recording, speak, write_speech
from bench.measure import Usage
from bench.mouth_to_ear import SETTLE_S, STEP, WINDOW
from bench.peers import ours
from bench.stage import ending, stage
from bench.taps import read_station
from hw.sound.frame import FRAME_SAMPLES, RATE_HZ

STEPS = (
    ("microphone: server, card, period", "mouth", "captured"),
    ("frame of 20 ms, canceller", "captured", "treated"),
    ("encoder, wire, jitter buffer, decoder", "treated", "written"),
    ("ring: until the card's callback", "written", "taken"),
    ("speaker: card, server", "taken", "ear"),
    ("all", "mouth", "ear"),
)


def delays_ms(earlier: Heard, later: Heard) -> list[float]:
    """How much later each window of the one station was at the other."""
    found = []
    for start in range(STEP, len(earlier.pcm) - WINDOW, STEP):
        at = earlier.time_of(start)
        first = max(0, later.sample_at(at) - FRAME_SAMPLES)
        where = lag(earlier.pcm[start : start + WINDOW], later.pcm[first : first + WINDOW + int(LONGEST_S * RATE_HZ)])
        if where is not None:
            found.append((later.time_of(first + where) - at) * 1000)
    return found


def measure(speech: Path, seconds: float, processing: bool) -> tuple[dict[str, list[float]], float]:
    """One call; the delays of each step, and foreign CPU meanwhile."""
    with stage() as (one, other):
        files = one.folder / "taps.npz", other.folder / "taps.npz"
        with ours.call(one, other, processing=processing, taps=files):
            time.sleep(SETTLE_S)
            usage, began = Usage([os.getpid()]), time.monotonic()
            said, heard = Recording(one, "mic"), Recording(other, "ear")
            with ending(speak(one, speech)):
                time.sleep(seconds)
                foreign, ended = usage.foreign_cpu(), time.monotonic()
            stations = {"mouth": said.close(), "ear": heard.close()}
        for name in ("captured", "treated", "written", "taken"):
            pieces = read_station(files[name in ("written", "taken")], name)
            stations[name] = Heard([piece for piece in pieces if began <= piece[0] <= ended])
    return {name: delays_ms(stations[first], stations[then]) for name, first, then in STEPS}, foreign


def codec_ms() -> float:
    """How long sound is held back by the encoder and the decoder as calls set them up."""
    noise = (np.random.default_rng(1).standard_normal(RATE_HZ) * 4000).astype("<i2")
    encoder, decoder = OpusEncoder(bitrate=64_000, complexity=5, fec=True, dtx=False), OpusDecoder()
    encoder.set_transform(True)
    frames = (noise[at : at + FRAME_SAMPLES].tobytes() for at in range(0, len(noise), FRAME_SAMPLES))
    heard = np.frombuffer(b"".join(decoder.decode(encoder.encode(frame)) for frame in frames), np.int16)
    where = lag(noise[: RATE_HZ // 2], heard)
    return float("nan") if where is None else where / RATE_HZ * 1000


def main() -> None:
    """Print the table of all calls, and the spread of each step from call to call."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--unprocessed", action="store_true")
    args = parser.parse_args()
    calls: dict[str, list[float]] = defaultdict(list)
    most_foreign = 0.0
    with tempfile.TemporaryDirectory() as folder:
        speech = Path(folder) / "speech.wav"
        write_speech(speech)
        for _ in range(args.rounds):
            steps, foreign = measure(speech, args.seconds, not args.unprocessed)
            most_foreign = max(most_foreign, foreign)
            for name, found in steps.items():
                calls[name].append(statistics.median(found) if found else float("nan"))
    print(f"{'ms, median of each call':40} {'p50':>7} {'least':>7} {'most':>7}")
    for name, each in calls.items():
        print(f"{name:40} {statistics.median(each):7.1f} {min(each):7.1f} {max(each):7.1f}")
    print(f"of which the codec {codec_ms():.1f} ms; other programs {most_foreign * 100:.0f} %")


if __name__ == "__main__":
    main()

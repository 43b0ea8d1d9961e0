"""Echo cancellation on a virtual card that hears itself: what is left, what it costs, and how late it makes sound."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.measure import machine_cpu_s
from bench.rig.live_echo import energy_db, talking
from bench.rig.speech import FAR, NEAR, spoken
from hw.sound.echo import make_canceller
from hw.sound.frame import FRAME_MS, FRAME_SAMPLES, RATE_HZ
from hw.sound.treatment import Treatment

TREATMENTS = {
    "echo": Treatment(True, False, False),
    "echo + noise": Treatment(True, True, False),
    "echo + noise + gain": Treatment(True, True, True),
}


class Live(NamedTuple):
    """Of one run: echo return loss enhancement in dB for each second, and what held the run up."""

    erle_db: list[float]
    cpu: float
    dsp_ms: float
    foreign_cpu: float
    trouble: int


def live(kind: str, period_ms: int, seconds: float) -> Live:
    """Play speech, and compare what the microphone heard with what would have been sent."""
    with talking(spoken(FAR, seconds=seconds + 8), echo=kind, period_ms=period_ms) as talk:
        talk.wait(1.0)
        began, own, machine, before = time.monotonic(), time.process_time(), machine_cpu_s(), talk.sound.stats()
        talk.wait(seconds + 1)
        lasted, own, machine = time.monotonic() - began, time.process_time() - own, machine_cpu_s() - machine
        after = talk.sound.stats()
    raw, clean = talk.since(0)
    starts = range(0, min(len(raw), len(clean)) - RATE_HZ, RATE_HZ)
    erle = [energy_db(raw[at : at + RATE_HZ]) - energy_db(clean[at : at + RATE_HZ]) for at in starts]
    dsp_ms = (after.dsp_s - before.dsp_s) / max(1, after.frames - before.frames) * 1000 * 1000 / FRAME_MS
    trouble = after.underruns - before.underruns + after.reference_locks - before.reference_locks
    return Live(erle, own / lasted * 100, dsp_ms, max(0.0, machine - own) / lasted * 100, trouble)


def treatment_cost(kind: str, treatment: Treatment, seconds: float = 20.0) -> tuple[float, float]:
    """CPU in ms for a second of audio, and the delay in ms, without a card."""
    near, far = spoken(NEAR, "en+f3", seconds=seconds), spoken(FAR, seconds=seconds)
    canceller, clean = make_canceller(kind, treatment), []
    began = time.thread_time()
    for at in range(0, len(near) - FRAME_SAMPLES, FRAME_SAMPLES):
        heard, played = near[at : at + FRAME_SAMPLES].tobytes(), far[at : at + FRAME_SAMPLES].tobytes()
        clean.append(canceller.process(heard, played))
    cost = (time.thread_time() - began) / seconds * 1000
    return cost, _delay_ms(np.frombuffer(b"".join(clean), "<i2").astype(float), near.astype(float))


def _delay_ms(later: np.ndarray, earlier: np.ndarray) -> float:
    size = 1 << (len(earlier) * 2 - 1).bit_length()
    correlation = np.fft.irfft(np.fft.rfft(later, size) * np.conj(np.fft.rfft(earlier, size)), size)
    return float(np.argmax(correlation[: RATE_HZ // 5])) / RATE_HZ * 1000


def main() -> None:
    """Print two tables, and one last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--periods", type=int, nargs="+", default=[10, 20])
    args = parser.parse_args()
    print(f"{'canceller':<24}{'CPU ms per s':>14}{'delay ms':>10}")
    for kind in ("webrtc", "speex"):
        for name, treatment in TREATMENTS.items():
            cost, delay_ms = treatment_cost(kind, treatment)
            print(f"{kind + ': ' + name:<24}{cost:14.1f}{delay_ms:10.1f}", flush=True)
    columns = ("live", "1st s", "2nd s", "then", "worst", "DSP ms/s", "CPU %", "others %", "trouble")
    print("\n{:<16}{:>6}{:>6}{:>6}{:>6}{:>9}{:>7}{:>9}{:>8}".format(*columns))
    best = 0.0
    for kind, period_ms in [("webrtc", period_ms) for period_ms in args.periods] + [("speex", 20)]:
        run = live(kind, period_ms, args.seconds)
        later = float(np.median(run.erle_db[2:]))
        best = max(best, later)
        print(
            f"{f'{kind}, {period_ms} ms':<16}{run.erle_db[0]:6.0f}{run.erle_db[1]:6.0f}{later:6.0f}"
            f"{min(run.erle_db[2:]):6.0f}{run.dsp_ms:9.1f}{run.cpu:7.1f}{run.foreign_cpu:9.0f}{run.trouble:8d}",
            flush=True,
        )
    print(f"live echo: {best:.0f} dB down after 2 s")


if __name__ == "__main__":
    main()

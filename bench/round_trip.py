"""How long sound takes from the program's speaker side to its microphone side, through virtual cards, by card period.

The speaker is wired to the microphone. The figure holds what one box adds by its card: how early sound must be written,
both card buffers, and the hand-over to the program; the 20 ms of gathering a frame come on top.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.measure import machine_cpu_s
from bench.rig.virtual_cards import shared_cards
from hw.sound.card import AlsaSound
from hw.sound.frame import FRAME_MS, FRAME_SAMPLES, RATE_HZ
from hw.sound.settings import SoundSettings

CLICK_EVERY_S = 0.487  # beats against every period, so that all phases are met


class Trip(NamedTuple):
    """One period's figures, in ms; CPU in percent of a core."""

    period_ms: int
    times_ms: list[float]
    queued_ms: float
    cpu: float
    foreign_cpu: float
    underruns: int


class Wire:
    """Writes far-end sound when it is due, as a call does, with a click now and then; listens for the clicks."""

    def __init__(self, sound: AlsaSound) -> None:
        self.sound = sound
        self.clicked_at = 0.0
        self.times_ms: list[float] = []
        self.queued_ms: list[float] = []
        self.ended = threading.Event()
        samples = RATE_HZ * min(sound.period_ms, FRAME_MS) // 1000
        self.click, self.silence = np.full(samples, 12_000, "<i2").tobytes(), bytes(2 * samples)

    def talk(self) -> None:
        """Runs on a thread of its own."""
        next_click_at = 0.0
        while not self.ended.wait(max(0.0, self.sound.due_ms() - self.sound.playout_target_ms) / 1000):
            now = time.monotonic()
            self.queued_ms.append(self.sound.queued_ms())
            if now < next_click_at:
                self.sound.write(self.silence)
                continue
            self.clicked_at, next_click_at = now, now + CLICK_EVERY_S
            self.sound.write(self.click)

    def captured(self, frame: bytes) -> None:
        """Called with each captured frame."""
        self._listen(frame, time.monotonic())

    def _listen(self, frame: bytes, now: float) -> None:
        loud = np.flatnonzero(np.abs(np.frombuffer(frame, "<i2").astype(np.int32)) > 4_000)
        if len(loud) and self.clicked_at:
            # The click began so long before the end of the frame; the frame is handed over at its end.
            self.times_ms.append((now - self.clicked_at) * 1000 - (FRAME_SAMPLES - loud[0]) / 48)
            self.clicked_at = 0.0


def measure(period_ms: int, seconds: float) -> Trip:
    """Run one sound card with that period."""
    settings = SoundSettings(
        capture="vwire_a", playback="vspk_a", period_ms=period_ms, echo="none", noise_suppression=False
    )
    sound = AlsaSound(settings)
    wire = Wire(sound)
    sound.set_capture(wire.captured)
    sound.start()
    threading.Thread(target=wire.talk, daemon=True).start()
    time.sleep(3)
    wire.times_ms.clear()
    wire.queued_ms.clear()
    underruns = sound.stats().underruns
    began, own, machine = time.monotonic(), time.process_time(), machine_cpu_s()
    time.sleep(seconds)
    lasted, own, machine = time.monotonic() - began, time.process_time() - own, machine_cpu_s() - machine
    underruns = sound.stats().underruns - underruns
    wire.ended.set()
    sound.close()
    foreign = max(0.0, machine - own) / lasted * 100
    return Trip(period_ms, wire.times_ms, statistics.fmean(wire.queued_ms), own / lasted * 100, foreign, underruns)


def main() -> None:
    """Print a table, and one last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--periods", type=int, nargs="+", default=[5, 10, 20, 40])
    args = parser.parse_args()
    shared_cards()
    columns = ("period", "p50 ms", "p95 ms", "in ring", "CPU %", "underruns", "others use %")
    print("{:>8} {:>8} {:>8} {:>8} {:>7} {:>9} {:>12}".format(*columns))
    medians = {}
    for period_ms in args.periods:
        trip = measure(period_ms, args.seconds)
        times = sorted(trip.times_ms) or [float("nan")]
        medians[period_ms] = statistics.median(times)
        print(
            f"{period_ms:>5} ms {medians[period_ms]:8.1f} {times[int(0.95 * len(times))]:8.1f} {trip.queued_ms:8.1f}"
            f" {trip.cpu:7.1f} {trip.underruns:9d} {trip.foreign_cpu:12.0f}",
            flush=True,
        )
    best = min(medians, key=medians.__getitem__)
    print(f"round trip: {medians[best]:.0f} ms at a period of {best} ms")


if __name__ == "__main__":
    main()

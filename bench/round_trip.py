"""How long sound takes from the program's speaker side to its microphone side, through virtual cards, by card period.

The speaker is wired to the microphone, so the figure holds everything that one box adds: playout ring, both card
buffers, the gathering of a 20 ms frame and the hand-over to the program.
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
from hw.ports import FRAME_MS, FRAME_SAMPLES, SILENCE
from hw.sound import AlsaSound
from hw.sound_settings import SoundSettings
from tests.hw.virtual_cards import shared_cards

CLICK = np.full(FRAME_SAMPLES, 12_000, "<i2").tobytes()
EVERY_FRAMES = 25


class Trip(NamedTuple):
    """One period's figures, in ms; CPU in percent of a core."""

    period_ms: int
    times_ms: list[float]
    queued_ms: float
    cpu: float
    foreign_cpu: float
    underruns: int


class Pump:
    """Writes as much as is needed until the next captured frame, and marks every 25th frame with a click."""

    def __init__(self, sound: AlsaSound) -> None:
        self.sound = sound
        self.written = 0
        self.clicked_at = 0.0
        self.times_ms: list[float] = []
        self.queued_ms: list[float] = []
        self.enough = threading.Event()

    def captured(self, frame: bytes) -> None:
        """Called with each captured frame."""
        self._listen(frame, time.monotonic())
        self.queued_ms.append(self.sound.queued_ms())
        while self.sound.due_ms() < self.sound.playout_target_ms + FRAME_MS:  # until the next frame is captured
            self.written += 1
            click = self.written % EVERY_FRAMES == 0
            if click:
                self.clicked_at = time.monotonic()
            self.sound.write(CLICK if click else SILENCE)

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
    pump = Pump(sound)
    sound.set_capture(pump.captured)
    sound.start()
    time.sleep(3)
    pump.times_ms.clear()
    pump.queued_ms.clear()
    underruns = sound.stats().underruns
    began, own, machine = time.monotonic(), time.process_time(), machine_cpu_s()
    time.sleep(seconds)
    lasted, own, machine = time.monotonic() - began, time.process_time() - own, machine_cpu_s() - machine
    underruns = sound.stats().underruns - underruns
    sound.close()
    foreign = max(0.0, machine - own) / lasted * 100
    return Trip(period_ms, pump.times_ms, statistics.fmean(pump.queued_ms), own / lasted * 100, foreign, underruns)


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

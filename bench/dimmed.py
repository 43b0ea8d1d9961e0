"""What a dimmed light costs, and how true its brightness is: CPU of the thread, and error of each 10 ms period.

With `--sim FOLDER` the light is on the kernel's simulated chip (gpio-sim); without, writing costs nothing.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hw.panel.dimmer import PERIOD_S, Dimmer, Output
from hw.panel.pins import open_factory


class Watched:
    """An output whose times of being on are noted."""

    def __init__(self, inner: Output | None) -> None:
        self.on_s: list[float] = []
        self._inner = inner
        self._since = 0.0

    def write(self, level: bool) -> None:
        """Pass on, and note when."""
        if self._inner is not None:
            self._inner.write(level)
        now = time.monotonic()
        if level:
            self._since = now
        elif self._since:
            self.on_s.append(now - self._since)


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--duty", type=float, default=0.3)
    parser.add_argument("--sim", type=Path, help="folder of a simulated chip")
    parser.add_argument("--chip", default="", help="label of that chip")
    args = parser.parse_args()
    pins = open_factory("gpiod" if args.sim else "mock", args.chip)
    pins.output(24)
    light, dimmer = Watched(pins.raw(24) if args.sim else None), Dimmer()
    began_cpu_s = time.process_time()
    dimmer.set(light, args.duty)
    time.sleep(args.seconds)
    cpu = (time.process_time() - began_cpu_s) / args.seconds
    dimmer.close()
    pins.close()
    error_ms = sorted(abs(on_s - args.duty * PERIOD_S) * 1000 for on_s in light.on_s)
    p50, p99 = statistics.median(error_ms), error_ms[int(0.99 * len(error_ms))]
    mean = statistics.fmean(light.on_s) / PERIOD_S
    print(f"dimmed to {args.duty:.3f}: {mean:.3f} over {len(error_ms)} periods of {PERIOD_S * 1000:.0f} ms, "
          f"each off by {p50:.2f} ms (p50), {p99:.2f} ms (p99); CPU {100 * cpu:.1f} % of a core")  # fmt: skip


if __name__ == "__main__":
    main()

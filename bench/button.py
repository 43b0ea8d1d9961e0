"""How long a press takes from the edge on the pin to the gesture, beyond the debounce time: p50, p95, worst.

With `--sim FOLDER` the edges are those of the kernel's simulated chip (gpio-sim), whose folder that is.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import gevent
import gevent.event

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hw.panel.buttons import Buttons
from hw.panel.pins import Pins, open_factory
from hw.panel.settings import ButtonSettings

PIN = 17


def measure(pins: Pins, drive: Callable[[bool], object], presses: int, debounce_ms: int) -> list[float]:
    """Milliseconds of each press beyond the debounce time; `drive(high)` is the finger, on a native thread."""
    loop = gevent.get_hub().loop
    done = gevent.event.Event()
    pressed_at, beyond_ms = [0.0], []

    def seen(_: str, gesture: str) -> None:
        if gesture == "press":
            beyond_ms.append((time.monotonic() - pressed_at[0]) * 1000 - debounce_ms)
        elif gesture == "release":
            done.set()

    def finger() -> None:
        pressed_at[0] = time.monotonic()
        drive(False)
        time.sleep(debounce_ms / 1000 + 0.03)
        drive(True)

    settings = {"green": ButtonSettings(pin=PIN, debounce_ms=debounce_ms)}
    buttons = Buttons(settings, pins, lambda fn, *args: loop.run_callback_threadsafe(fn, *args), seen)
    buttons.start()
    for _ in range(presses):
        done.clear()
        threading.Thread(target=finger).start()
        done.wait(10)
    buttons.close()
    return beyond_ms


def _finger(pins: Pins, sim: Path | None) -> Callable[[bool], object]:
    if sim is not None:
        return lambda high: (sim / f"sim_gpio{PIN}/pull").write_text("pull-up" if high else "pull-down")
    return lambda high: pins.raw(PIN).drive_high() if high else pins.raw(PIN).drive_low()


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presses", type=int, default=200)
    parser.add_argument("--debounce-ms", type=int, default=20)
    parser.add_argument("--sim", type=Path, help="folder of a simulated chip; without: a virtual board")
    parser.add_argument("--chip", default="", help="label of that chip")
    args = parser.parse_args()
    pins = open_factory("gpiod" if args.sim else "mock", args.chip)
    beyond_ms = sorted(measure(pins, _finger(pins, args.sim), args.presses, args.debounce_ms))
    pins.close()
    p50, p95 = statistics.median(beyond_ms), beyond_ms[int(0.95 * len(beyond_ms))]
    print(f"button edge to gesture beyond debounce: p50 {p50:.2f} ms, p95 {p95:.2f} ms, worst {beyond_ms[-1]:.2f} ms")


if __name__ == "__main__":
    main()

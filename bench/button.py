"""How long a press takes from the edge on the pin to the gesture, beyond the debounce time: p50, p95, worst."""

from __future__ import annotations

import argparse
import statistics
import sys
import threading
import time
from pathlib import Path

import gevent
import gevent.event

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hw.panel.buttons import Buttons
from hw.panel.pins import open_factory
from hw.panel.settings import ButtonSettings


def measure(presses: int, debounce_ms: int) -> list[float]:
    """Milliseconds of each press beyond the debounce time; the edges come from a native thread, as on real pins."""
    pins = open_factory("mock")
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
        pins.raw(17).drive_low()
        time.sleep(debounce_ms / 1000 + 0.03)
        pins.raw(17).drive_high()

    settings = {"green": ButtonSettings(pin=17, debounce_ms=debounce_ms)}
    buttons = Buttons(settings, pins, lambda fn, *args: loop.run_callback_threadsafe(fn, *args), seen)
    buttons.start()
    for _ in range(presses):
        done.clear()
        threading.Thread(target=finger).start()
        done.wait(10)
    buttons.close()
    pins.close()
    return beyond_ms


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--presses", type=int, default=200)
    parser.add_argument("--debounce-ms", type=int, default=20)
    args = parser.parse_args()
    beyond_ms = sorted(measure(args.presses, args.debounce_ms))
    p50, p95 = statistics.median(beyond_ms), beyond_ms[int(0.95 * len(beyond_ms))]
    print(f"button edge to gesture beyond debounce: p50 {p50:.2f} ms, p95 {p95:.2f} ms, worst {beyond_ms[-1]:.2f} ms")


if __name__ == "__main__":
    main()

"""What a call leaves behind: memory of the box and of the switchboard after each hundred of calls in a row.

    python -m bench.many_calls [--calls 1000] [--talk-ms 300]

A box calls the switchboard's echo, hears itself, and hangs up, again and again. Counted is anonymous memory, which is
what a process can lose; the slope is that of a straight line through the points after the first hundred. A box with
memory to lose is started anew by systemd in the middle of somebody's call.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import gevent
import numpy as np
from gevent.event import Event

from agent.media.bridge import close_shared_bridge
from agent.voice.device import Device
from bench.rig.board import Board
from bench.rig.tone import is_loud, tone
from hw.sound.wav_sound import WavSound

TONE_HZ = 440
START_S = 20.0
CALL_S = 20.0
STEP = 100
MUST_KB = 2.0


def anonymous_kb(pid: int | str = "self") -> int:
    """Return the anonymous memory of a process."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Anonymous:"))


class Caller:
    """A box that calls the echo."""

    def __init__(self, server: str, ca_file: Path, access: str) -> None:
        self._heard = Event()
        loop = gevent.get_hub().loop
        wake = loop.async_()
        wake.start(self._heard.set)
        self._sound = WavSound(tone(TONE_HZ), lambda frame: wake.send() if is_loud(frame) else None, loop=True)
        self._sound.start()
        self._device = Device(access, chunderw=server, ca_file=str(ca_file), sound=self._sound)
        ready = Event()
        self._device.once("ready", lambda _device: ready.set())
        if not ready.wait(START_S):
            raise TimeoutError("the box is not registered")

    def call(self, talk_s: float) -> None:
        """Make one call, to its end."""
        ended = Event()
        self._heard.clear()
        connection = self._device.connect({"To": "echo"})
        connection.on("disconnect", lambda _connection: ended.set())
        if not self._heard.wait(CALL_S):
            raise TimeoutError("the echo was not heard")
        gevent.sleep(talk_s)
        connection.disconnect()
        if not ended.wait(CALL_S):
            raise TimeoutError("the call did not end")

    def close(self) -> None:
        """End everything."""
        self._device.destroy()
        self._sound.close()
        close_shared_bridge()


def measure(calls: int, talk_s: float) -> dict[str, list[int]]:
    """Return the memory of both ends before the first call and after each step."""
    points: dict[str, list[int]] = {"box": [], "switchboard": []}
    with tempfile.TemporaryDirectory() as name, closing(Board(Path(name) / "switchboard")) as far:
        far.start()
        caller = Caller(far.address, far.ca_file, far.token("box"))
        for number in range(calls + 1):
            if number % STEP == 0:
                points["box"].append(anonymous_kb())
                points["switchboard"].append(anonymous_kb(far.pid))
                print(f"{number:6} calls:", ", ".join(f"{who} {kb[-1]} kB" for who, kb in points.items()), flush=True)
            if number < calls:
                caller.call(talk_s)
        caller.close()
    return points


def slope_kb(points: list[int]) -> float:
    """Return what one call leaves behind, after the first step."""
    settled = points[1:]
    if len(settled) < 2:
        return 0.0
    return float(np.polyfit(np.arange(len(settled)) * STEP, settled, 1)[0])


def main() -> int:
    """Print the table; 1 when a process loses more than it may."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--talk-ms", type=int, default=300)
    options = parser.parse_args()
    points = measure(options.calls, options.talk_ms / 1000)
    slopes = {name: slope_kb(found) for name, found in points.items()}
    for name, slope in slopes.items():
        print(f"{name}: {slope:.2f} kB a call (must {MUST_KB:g})")
    return 0 if all(slope <= MUST_KB for slope in slopes.values()) else 1


if __name__ == "__main__":
    sys.exit(main())

"""How soon a call is heard again after what carries its media was killed, and something else took its place.

    python -m bench.engine_killed [--kills 10]

A box says a tone to the switchboard's `echo`, with the settings that are shipped, so what it hears proves both
directions. The far end's media is killed without a word: it sends nothing more and answers no check. The restart of ICE
that the box offers is answered by another one, with another certificate and other ICE credentials (RFC 8842), as by a
proxy that has chosen another media engine. Measured are the times from the kill to `reconnecting` and to sound.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from typing import Any

import gevent
import numpy as np

from agent import Device
from agent.media.bridge import Bridge
from agent.switchboard.runner import RunningSwitchboard, start_switchboard
from agent.switchboard.settings import SwitchboardSettings
from hw.sound.wav_sound import WavSound

WITHIN_S = 60.0
SETTLE_S = 3.0
LOUD = 500
MUST_S = 5.0


class Ear:
    """Notes when something was heard."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self, frame: bytes) -> None:
        if np.abs(np.frombuffer(frame, np.int16)).max() > LOUD:
            self.at = time.monotonic()


def kill(switchboard: RunningSwitchboard, bridge: Bridge) -> None:
    """Kill the media of the only leg, and let another one answer the next restart."""

    async def replace() -> None:
        executor: Any = switchboard.switchboard._executor
        (leg,) = executor._media.values()
        before = leg._peer
        before.sever()
        before._timer.cancel()
        leg._make_peer(leg._spoken).rtp.on_rtp = before.rtp.on_rtp

    bridge.run(replace(), WITHIN_S)


def until(condition: Any) -> None:
    """Wait in this greenlet."""
    with gevent.Timeout(WITHIN_S):
        while not condition():
            gevent.sleep(0.005)


def measure(kills: int) -> tuple[list[float], list[float]]:
    """Return the seconds to `reconnecting` and to sound, of each kill."""
    bridge, ear = Bridge(), Ear()
    second = (8_000 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000)).astype(np.int16).tobytes()
    noticed, heard = [], []
    with tempfile.TemporaryDirectory() as folder:
        switchboard = start_switchboard(bridge, SwitchboardSettings(listen_port=0, state_dir=folder))
        sound, device, address = WavSound(second, ear, loop=True), Device(), switchboard.address
        device.setup(switchboard.mint("box"), chunderw=address.server, ca_file=str(address.ca_file), bridge=bridge,
                     sound=sound, enable_ice_restart=True)  # fmt: skip
        until(lambda: device.status() == "ready")
        call, told = device.connect({"To": "echo"}), []
        call.on("reconnecting", lambda *_: told.append(time.monotonic()))
        until(lambda: ear.at > 0)
        for number in range(kills):
            gevent.sleep(SETTLE_S)
            killed_at = time.monotonic()
            kill(switchboard, bridge)
            until(lambda number=number: len(told) > number)
            until(lambda number=number: ear.at > told[number])
            noticed.append(told[number] - killed_at)
            heard.append(ear.at - killed_at)
        device.destroy()
        sound.close()
        switchboard.close()
    bridge.close()
    return noticed, heard


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=10)
    for name, times in zip(("reconnecting", "sound"), measure(parser.parse_args().kills), strict=True):
        middle, worst = statistics.median(times), max(times)
        print(f"{name}: median {middle:.2f} s, worst {worst:.2f} s of {len(times)} kills")
    print("must be below", MUST_S, "s:", "yes" if worst < MUST_S else "NO")


if __name__ == "__main__":
    main()

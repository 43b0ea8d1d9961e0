"""A box in a call whose network is taken away, in namespaces of its own: `python -m tests.voice.roaming SCENARIO S`.

Scenarios: `loss` takes the box's only network away for S seconds, `blackout` lets the router swallow everything for S
seconds, `move` takes the box from Wi-Fi to Ethernet. Prints one JSON object: the call's events, its last state, whether
the box was ready again, and how long nothing was heard after the network was back.
"""

from __future__ import annotations

import ctypes
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
import numpy as np

from agent import Connection, Device
from agent.media.bridge import Bridge
from agent.switchboard.runner import start_switchboard
from agent.switchboard.settings import SwitchboardSettings
from bench.rig.netns import CLONE_NEWNET, Network
from hw.sound.wav_sound import WavSound

PATIENCE_S = 20.0
FAR_HOST = "10.71.9.2"
LOUD = 500
TONE = (8_000 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000)).astype(np.int16).tobytes()
EVENTS = ("reconnecting", "reconnected", "disconnect", "error")


class Box:
    """A Device in a call with the echo, and what became of it."""

    def __init__(self, network: Network, bridge: Bridge, server: str, ca_file: str, token: str) -> None:
        self.network = network
        self.heard: list[float] = []
        self.events: list[str] = []
        self.became_ready = 0
        self.back_at = 0.0
        self._sound = WavSound(TONE, self._played, loop=True)
        self.device = Device()
        self.device.on("ready", self._ready)
        self.device.setup(token, chunderw=server, ca_file=ca_file, bridge=bridge, sound=self._sound,
                          enable_ice_restart=True)  # fmt: skip
        until(lambda: self.became_ready > 0)
        self.call: Connection = self.device.connect({"To": "echo"})
        for name in EVENTS:
            self.call.on(name, lambda *args, name=name: self._told(name, *args))
        until(lambda: len(self.heard) > 20)

    def result(self) -> dict[str, Any]:
        after = [at for at in self.heard if at > self.back_at]
        return {
            "events": self.events,
            "status": self.call.status(),
            "ready": self.device.status() != "offline",
            "heard_after_ms": round((after[0] - self.back_at) * 1000) if after else None,
        }

    def close(self) -> None:
        self.device.destroy()
        self._sound.close()

    def _played(self, frame: bytes) -> None:
        if np.abs(np.frombuffer(frame, np.int16)).max() > LOUD:
            self.heard.append(time.monotonic())

    def _ready(self, _device: Device) -> None:
        self.became_ready += 1

    def _told(self, name: str, *args: Any) -> None:
        self.events.append(f"{name} {args[0].code}" if name == "error" else name)


def loss(box: Box, seconds: float) -> None:
    box.network.unplug("wlan")
    gevent.sleep(seconds)
    came_back(box, lambda: box.network.plug("wlan"))


def blackout(box: Box, seconds: float) -> None:
    box.network.block("wlan", "far")
    gevent.sleep(seconds)
    came_back(box, lambda: box.network.unblock("wlan", "far"))


def move(box: Box, seconds: float) -> None:
    box.network.plug("eth")
    gevent.sleep(seconds)
    came_back(box, lambda: box.network.unplug("wlan"))


def came_back(box: Box, change: Callable[[], None]) -> None:
    """Wait until the call goes on, or is over and the box can be called again."""
    box.back_at = time.monotonic()
    ready = box.became_ready
    change()
    ended = [event for event in box.events if event.startswith("error")]
    if ended:
        until(lambda: box.became_ready > ready)
    else:
        until(lambda: box.call.status() == "open" and bool(box.heard) and box.heard[-1] > box.back_at + 1)


def until(condition: Callable[[], bool]) -> None:
    with gevent.Timeout(PATIENCE_S, False):
        while not condition():
            gevent.sleep(0.02)


def enter(network: Network, name: str) -> None:
    """Take this thread, and with it signaling, into a namespace."""
    with Path(f"/run/netns/{network.names[name]}").open() as file:
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns failed")


def main(scenario: str, seconds: float) -> None:
    network = Network()
    try:
        far, near = network.bridge("far"), network.bridge("box")
        with tempfile.TemporaryDirectory() as folder:
            settings = SwitchboardSettings(FAR_HOST, 0, folder, names=(FAR_HOST,), media_grace_s=60)
            switchboard = start_switchboard(far, settings)
            enter(network, "box")
            address = switchboard.address
            box = Box(network, near, f"{FAR_HOST}:{address.port}", str(address.ca_file), switchboard.mint("box"))
            {"loss": loss, "blackout": blackout, "move": move}[scenario](box, seconds)
            print(json.dumps(box.result()))
            box.close()
            switchboard.close()
    finally:
        network.close()


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))

"""A box in a call whose network is taken away, in namespaces of its own: `python -m tests.voice.roaming SCENARIO S`.

Scenarios: `loss` takes the box's only network away for S seconds, `blackout` lets the router swallow everything for S
seconds, `move` takes the box from Wi-Fi to Ethernet, `cut` does so after it took signaling away, and then lets S
seconds go by. Prints one JSON object: the call's events, its last state, whether the box was ready again and has
signaling, how long nothing was heard after the network was back, and the longest silence from then on to the end.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import gevent
import numpy as np
from gevent import socket
from gevent.server import StreamServer

from agent import Connection, Device
from agent.media.bridge import Bridge
from agent.switchboard.runner import start_switchboard
from agent.switchboard.settings import SwitchboardSettings
from bench.rig.netns import Network
from hw.sound.wav_sound import WavSound

PATIENCE_S = 30.0
FAR_HOST = "10.71.9.2"
LOUD = 500
TONE = (8_000 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000)).astype(np.int16).tobytes()
EVENTS = ("reconnecting", "reconnected", "disconnect", "error")


class SignalingPath:
    """The way of signaling: to the switchboard, or through a door on this machine that can be shut for good."""

    def __init__(self, port: int, through_door: bool) -> None:
        self._port = port
        self._pipes: list[gevent.Greenlet[..., None]] = []
        self._sockets: list[socket.socket] = []
        self._door = StreamServer(("127.0.0.1", 0), self._accept)
        self._door.start()
        self.server = f"127.0.0.1:{self._door.server_port}" if through_door else f"{FAR_HOST}:{port}"
        self.patience_ms = 30_000 if through_door else 3_000  # until ICE by itself finds out that the path is gone

    def cut(self) -> None:
        self._door.stop()
        gevent.killall(self._pipes)
        for each in self._sockets:
            each.close()

    def _accept(self, near: socket.socket, _address: object) -> None:
        far = socket.create_connection((FAR_HOST, self._port))
        self._sockets += [near, far]
        pipes = [gevent.spawn(_pass_on, near, far), gevent.spawn(_pass_on, far, near)]
        self._pipes += pipes
        gevent.joinall(pipes)


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    while data := source.recv(65_536):
        sink.sendall(data)


class Box:
    """A Device in a call with the echo, and what became of it."""

    def __init__(self, network: Network, bridge: Bridge, path: SignalingPath, ca_file: str, token: str) -> None:
        self.network, self.path = network, path
        self.heard: list[float] = []
        self.events: list[str] = []
        self.became_ready = 0
        self.back_at = 0.0
        self._sound = WavSound(TONE, self._played, loop=True)
        self.device = Device()
        self.device.on("ready", self._ready)
        self.device.setup(token, chunderw=path.server, ca_file=ca_file, bridge=bridge, sound=self._sound,
                          generation="1", enable_ice_restart=True,
                          media={"disconnected_after_ms": path.patience_ms})  # fmt: skip
        until(lambda: self.became_ready > 0)
        self.call: Connection = self.device.connect({"To": "echo"})
        for name in EVENTS:
            self.call.on(name, lambda *args, name=name: self._told(name, *args))
        until(lambda: len(self.heard) > 20)

    def result(self) -> dict[str, Any]:
        after = [at for at in self.heard if at > self.back_at]
        moments = [self.back_at, *after, time.monotonic()]
        return {
            "events": self.events,
            "status": self.call.status(),
            "ready": self.device.status() != "offline",
            "heard_after_ms": round((after[0] - self.back_at) * 1000) if after else None,
            "longest_silence_ms": round(1000 * max(end - begin for begin, end in pairwise(moments))),
            "online": self.is_online,
        }

    @property
    def is_online(self) -> bool:
        return self.device.edge is not None

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


def cut(box: Box, seconds: float) -> None:
    box.network.plug("eth")
    box.path.cut()
    until(lambda: not box.is_online)
    box.back_at = time.monotonic()
    box.network.unplug("wlan")
    gevent.sleep(seconds)


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


def main(scenario: str, seconds: float) -> None:
    network = Network()
    try:
        far, near = network.bridge("far"), network.bridge("box")
        with tempfile.TemporaryDirectory() as folder, network.inside("box"):
            settings = SwitchboardSettings(FAR_HOST, 0, folder, names=(FAR_HOST, "127.0.0.1"), media_grace_s=60)
            switchboard = start_switchboard(far, settings)
            address = switchboard.address
            path = SignalingPath(address.port, through_door=scenario == "cut")
            box = Box(network, near, path, str(address.ca_file), switchboard.mint("box"))
            {"loss": loss, "blackout": blackout, "move": move, "cut": cut}[scenario](box, seconds)
            print(json.dumps(box.result()))
            box.close()
            switchboard.close()
    finally:
        network.close()


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))

"""The box itself at a site: a registered Device that says one tone, and keeps what it hears."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
import numpy as np

from agent import Connection, Device
from agent.media.bridge import Bridge
from bench.rig.sip_site import DOMAIN, USERS, SipSite
from hw.sound.wav_sound import WavSound

PATIENCE_S = 30
RATE_HZ = 48_000
EVENTS = ("accept", "ringing", "disconnect", "cancel", "reject", "error", "hold", "digit", "reconnecting",
          "reconnected", "transportClose")  # fmt: skip


def until(condition: Callable[[], object], limit_s: float = PATIENCE_S) -> None:
    with gevent.Timeout(limit_s, AssertionError("it did not come about")):
        while not condition():
            gevent.sleep(0.02)


class Box:
    """A registered Device that says 440 Hz, and keeps what it hears."""

    def __init__(self, site: SipSite, bridge: Bridge, edges: list[int], **options: Any) -> None:
        self.incoming: list[Connection] = []
        self.told: list[str] = []
        self._heard: list[bytes] = []
        seconds = np.arange(RATE_HZ) / RATE_HZ
        tone = (9_000 * np.sin(2 * np.pi * 440 * seconds)).astype(np.int16).tobytes()
        self._sound = WavSound(tone, self._played, loop=True)
        self.device = Device()
        self.device.on("incoming", self._incoming)
        self.device.on("error", lambda error: self.told.append(f"device error {error}"))
        account = {"edges": [site.uri(edge) for edge in edges], "user": "box", "domain": DOMAIN, "secret": USERS["box"]}
        self.device.setup(protocol="sip", sip=account, bridge=bridge, sound=self._sound, ca_file=str(site.ca_file),
                          **options)  # fmt: skip
        until(lambda: self.device.status() == "ready")

    def follow(self, call: Connection) -> Connection:
        for name in EVENTS:
            call.on(name, lambda *args, name=name: self.told.append(
                f"{name} {args[0]}" if args and not isinstance(args[0], Connection) else name))  # fmt: skip
        return call

    def dial(self, whom: str, **params: str) -> Connection:
        return self.follow(self.device.connect({"To": whom, **params}))

    def next_call(self) -> Connection:
        before = len(self.incoming)
        until(lambda: len(self.incoming) > before)
        return self.incoming[-1]

    def until_hears(self, hz: int) -> None:
        """Wait until the loudest tone is this one."""
        self._heard.clear()
        until(lambda: abs(self._loudest() - hz) < 30)

    def close(self) -> None:
        stream = self.device.stream
        self.device.destroy()
        if stream is not None:
            stream.join(1.0)
        self._sound.close()

    def _incoming(self, call: Connection) -> None:
        self.incoming.append(self.follow(call))

    def _played(self, frame: bytes) -> None:
        self._heard.append(frame)
        del self._heard[:-25]

    def _loudest(self) -> float:
        pcm = np.frombuffer(b"".join(self._heard), np.int16).astype(float)
        if len(pcm) < RATE_HZ // 4 or np.sqrt(np.mean(pcm**2)) < 500:
            return 0.0
        return float(np.argmax(np.abs(np.fft.rfft(pcm * np.hanning(len(pcm))))) * RATE_HZ / len(pcm))

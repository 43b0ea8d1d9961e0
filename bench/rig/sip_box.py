"""The box itself at a site: a Device that says one tone, keeps what it hears, and remembers what it was told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gevent
import numpy as np

from agent.closing import Closing
from agent.media.bridge import Bridge
from agent.voice.connection import Connection
from agent.voice.device import Device
from bench.rig.sip_site import DOMAIN, USERS, SipSite
from bench.rig.tone import tone
from hw.sound.frame import RATE_HZ
from hw.sound.wav_sound import WavSound

PATIENCE_S = 30.0
EVENTS = ("accept", "ringing", "disconnect", "cancel", "reject", "error", "hold", "digit", "warning", "reconnecting",
          "reconnected", "transportClose")  # fmt: skip


def until(condition: Callable[[], object], what: str = "it", limit_s: float = PATIENCE_S) -> None:
    """Let the hub run until a condition holds. Raises AssertionError."""
    with gevent.Timeout(limit_s, AssertionError(f"{what} did not come about")):
        while not condition():
            gevent.sleep(0.01)


class SipBox(Closing):
    """A registered Device. Hub only, within `site.inside("client")`; the bridge was made there, too."""

    def __init__(
        self, site: SipSite, bridge: Bridge, *edges: int, user: str = "box", hz: int = 440, instance: str = "",
        **options: Any,
    ) -> None:
        """`options` are the Device's own; without edges the first one is used."""
        self.incoming: list[Connection] = []
        self.told: list[str] = []  # by the calls, and errors by the Device
        self._heard: list[bytes] = []
        self._sound = WavSound(tone(hz), self._played, loop=True)
        self.device = Device()
        self.device.on("incoming", self._incoming)
        self.device.on("error", lambda error: self.told.append(f"device error {error}"))
        account = {"edges": [site.uri(edge) for edge in edges or (1,)], "user": user, "domain": DOMAIN,
                   "secret": USERS[user], **({"instance": instance} if instance else {})}  # fmt: skip
        self.device.setup(protocol="sip", sip=account, bridge=bridge, sound=self._sound, ca_file=str(site.ca_file),
                          **options)  # fmt: skip
        until(lambda: self.device.status() == "ready", "registered")

    def follow(self, call: Connection) -> Connection:
        """Remember what a call tells."""
        for name in EVENTS:
            call.on(name, lambda *args, name=name: self.told.append(
                f"{name} {args[0]}" if args and not isinstance(args[0], Connection) else name))  # fmt: skip
        return call

    def dial(self, whom: str, **params: str) -> Connection:
        """Begin a call."""
        return self.follow(self.device.connect({"To": whom, **params}))

    def next_call(self) -> Connection:
        """Wait for a call that comes after this."""
        before = len(self.incoming)
        until(lambda: len(self.incoming) > before, "a call")
        return self.incoming[-1]

    def until_told(self, what: str, count: int = 1) -> None:
        """Wait until something was told so often."""
        until(lambda: self.told.count(what) >= count, f"{what!r} after {self.told}")

    def until_hears(self, hz: int, limit_s: float = PATIENCE_S) -> None:
        """Wait until the loudest tone from now on is this one."""
        self._heard.clear()
        until(lambda: abs(self.loudest() - hz) < 30, f"{hz} Hz after {self.told}", limit_s)

    def until_quiet(self) -> None:
        """Wait until half a second of silence was played."""
        self._heard.clear()
        until(lambda: len(self._heard) == 25 and self.level() < 50, "silence")

    def level(self) -> float:
        """The level (RMS) of the last half second."""
        return float(np.sqrt(np.mean(self._last() ** 2))) if self._heard else 0.0

    def loudest(self) -> float:
        """The loudest frequency of the last half second; 0 while it is quiet, or has not been so long."""
        pcm = self._last()
        if len(pcm) < RATE_HZ // 4 or self.level() < 500:
            return 0.0
        return float(np.argmax(np.abs(np.fft.rfft(pcm * np.hanning(len(pcm))))) * RATE_HZ / len(pcm))

    def close(self) -> None:
        """Unregister, and let everything go; idempotent."""
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

    def _last(self) -> Any:
        return np.frombuffer(b"".join(self._heard), np.int16).astype(float)

"""What the end-to-end tests share: a switchboard, a browser, pages with the SDKs, and phones of our own."""

from __future__ import annotations

import json
import threading
import wave
from collections import deque
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import gevent
import numpy as np

from agent import Device
from agent.media.bridge import Bridge
from agent.switchboard.runner import RunningSwitchboard, mint_for, start_switchboard
from agent.switchboard.settings import SwitchboardSettings
from hw.sound.frame import RATE_HZ
from hw.sound.wav_sound import WavSound

from .devtools import Chromium, Tab

HERE = Path(__file__).parent
PATIENCE_S = 30.0
BROWSER_HZ = 600  # what every browser's microphone hears
BOX_HZ = 1000
PAGES = {"1.15": "first.html", "2.18": "second.html"}
BOX_GENERATIONS = ("1", "2")


class Stage:
    """Everything that lives as long as the whole run of tests; hub only."""

    def __init__(self, bridge: Bridge, folder: Path) -> None:
        self.bridge = bridge
        self.here = HERE
        settings = SwitchboardSettings(
            listen_port=0, state_dir=str(folder / "state"), demo_tokens=True, demo_target="box", ring_timeout_s=60
        )
        self.switchboard: RunningSwitchboard = start_switchboard(bridge, settings)
        self._pages = _serve(HERE)
        write_tone(folder / "microphone.wav", BROWSER_HZ)
        self._chromium = bridge.run(Chromium.start(folder / "profile", folder / "microphone.wav"), timeout_s=60)

    def browser(
        self, generation: str, identity: str, switchboard: RunningSwitchboard | None = None, ttl_s: int = 3600
    ) -> BrowserPhone:
        """Open a page with that generation of the SDK, and register it."""
        host, port = self._pages.server_address[:2]
        phone = BrowserPhone(self, f"http://{host!s}:{port}/pages/{PAGES[generation]}", identity)
        switchboard = switchboard or self.switchboard
        token = json.dumps(mint_for(switchboard.switchboard.settings.state_dir, identity, ttl_s))
        phone.run(f"phone.start({token}, {json.dumps(switchboard.address.server)})")
        phone.until("phone.isReady()")
        return phone

    def page(self, url: str) -> BrowserPhone:
        """Open any page."""
        return BrowserPhone(self, url, "")

    def open_tab(self, url: str) -> Tab:
        return self.bridge.run(self._chromium.open(url), timeout_s=90)

    def cut_sockets(self, identity: str) -> None:
        """Lose every signaling socket of an identity, as a pulled cable does."""

        async def cut() -> None:
            for client in self.switchboard.switchboard.registry.of(identity):
                client.abort()

        self.bridge.run(cut())

    def close(self) -> None:
        self.bridge.run(self._chromium.close(), timeout_s=30)
        self._pages.shutdown()
        self._pages.server_close()
        self.switchboard.close()


class BrowserPhone:
    """A page with a phone in it; the words of `phone` are in pages/first.js and pages/second.js."""

    def __init__(self, stage: Stage, url: str, identity: str) -> None:
        self.identity = identity
        self._stage = stage
        self._tab = stage.open_tab(url)

    def run(self, expression: str) -> Any:
        """Evaluate JavaScript in the page, and wait for its promise."""
        return self._stage.bridge.run(self._tab.run(expression))

    def until(self, condition: str) -> None:
        """Wait until a JavaScript expression is truthy."""
        self._stage.bridge.run(self._tab.until(condition, PATIENCE_S))

    def devtools(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a DevTools method of the page and return its result."""
        return self._stage.bridge.run(self._tab.call(method, **params))

    def allow(self, *permissions: str) -> None:
        """Answer yes to what the page asks its user."""
        self._stage.bridge.run(self._tab.allow(*permissions))

    def hide(self) -> None:
        """Look at another tab."""
        self._stage.bridge.run(self._tab.hide())

    def dial(self, to: str, **params: str) -> None:
        """Begin a call."""
        self.run(f"phone.dial({json.dumps({'To': to, **params})})")

    def until_event(self, who: str, name: str) -> None:
        """Wait until the device or the call has told of this event."""
        self.until(f"happened('{who}', '{name}')")

    def until_hears(self, hz: int) -> None:
        """Wait until the far end's sound is this tone."""
        self.until(f"hears(call.getRemoteStream(), {hz})")

    def until_quiet(self) -> None:
        """Wait until the far end is silent."""
        self.until("isQuiet(call.getRemoteStream())")

    def crash(self) -> None:
        """End the page without a goodbye."""
        self._stage.bridge.run(self._tab.crash())
        self.close()

    def close(self) -> None:
        self._stage.bridge.run(self._tab.close())


class Ear:
    """A sound device that says one tone, and knows what it played last."""

    def __init__(self, hz: int) -> None:
        self._heard: deque[bytes] = deque(maxlen=25)
        self.sound = WavSound(capture=tone(hz), playback=self._heard.append, loop=True)

    def loudest(self) -> float:
        """Return the loudest frequency of the last half second; 0 while it is quiet."""
        frames = list(self._heard)
        if len(frames) < 25:
            return 0.0
        pcm = np.frombuffer(b"".join(frames), np.int16).astype(float)
        spectrum = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm))))
        return float(np.argmax(spectrum)) * RATE_HZ / len(pcm) if np.sqrt(np.mean(pcm**2)) > 100 else 0.0


class Box:
    """A phone of our own: it says one tone, and remembers what it hears."""

    def __init__(self, stage: Stage, identity: str, generation: str = "1") -> None:
        self.identity = identity
        self.generation = generation
        self.events: list[str] = []
        self.calls: list[Any] = []
        self.digits = ""
        self.told_of: list[tuple[str, Any]] = []  # by its calls: the event, and what came with it
        self._ear = Ear(BOX_HZ)
        self.device = Device()
        for name in ("ready", "incoming", "connect", "disconnect", "cancel", "error", "offline"):
            self.device.on(name, partial(self._note, name))
        self.device.on("incoming", self._take)
        address = stage.switchboard.address
        self.device.setup(
            stage.switchboard.mint(identity),
            sound=self._ear.sound,
            bridge=stage.bridge,
            chunderw=address.server,
            ca_file=str(address.ca_file),
            publish_events=False,
            codec_preferences=["opus", "pcmu"],
            enable_ice_restart=True,
            generation=generation,
            max_call_signaling_timeout_ms=30_000,
        )
        self.until_event("ready")

    @property
    def call(self) -> Any:
        """The latest call."""
        return self.calls[-1]

    @property
    def told(self) -> list[str]:
        """The events of its calls."""
        return [name for name, _ in self.told_of]

    def dial(self, to: str, **params: str) -> None:
        """Begin a call."""
        self._take(self.device.connect({"To": to, **params}))

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Let the hub run until a condition holds."""
        with gevent.Timeout(PATIENCE_S, AssertionError(f"{self.identity}: never {what}; it had {self.events}")):
            while not condition():
                gevent.sleep(0.02)

    def until_event(self, name: str) -> None:
        """Wait until the device has told of this event."""
        self.until(lambda: name in self.events, name)

    def until_hears(self, hz: int) -> None:
        """Wait until what is played is this tone."""
        self.until(lambda: abs(self._ear.loudest() - hz) < 20, f"heard {hz} Hz")

    def until_quiet(self) -> None:
        """Wait until what is played is silence."""
        self.until(lambda: self._ear.loudest() == 0, "heard silence")

    def close(self) -> None:
        self.device.destroy()
        self._ear.sound.close()

    def _take(self, call: Any) -> None:
        self.calls.append(call)
        call.on("digit", self._hear_digit)
        for name in ("message_received", "message_sent", "reconnecting", "reconnected", "error"):
            call.on(name, partial(self._note_call, name))

    def _note_call(self, name: str, *what: Any) -> None:
        self.told_of.append((name, what[0] if what else None))

    def _hear_digit(self, digit: str) -> None:
        self.digits += digit

    def _note(self, name: str, *_: Any) -> None:
        self.events.append(name)


def tone(hz: int) -> bytes:
    """One second of a tone; 48 kHz mono int16."""
    return (6000 * np.sin(2 * np.pi * hz * np.arange(RATE_HZ) / RATE_HZ)).astype(np.int16).tobytes()


def write_tone(path: Path, hz: int) -> None:
    """Write ten seconds of a tone."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(tone(hz) * 10)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """The test's output is for the tests."""


def _serve(folder: Path) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, name="pages", daemon=True).start()
    return server

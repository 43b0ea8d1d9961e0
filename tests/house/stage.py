"""A box that is played, a real broker, and somebody else in the house who hears and says things there."""

from __future__ import annotations

import shutil
import signal
import subprocess
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import pytest
from gevent.socket import wait_read
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from agent.errors import InvalidStateError
from agent.house.happenings import Happening
from agent.mailbox import Mailbox
from bench.rig.ports import unused_port
from tests.kiosk.stage import Watcher

MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed: apt-get install mosquitto")
BUTTONS = [
    {"name": "bell", "label": "Front bell", "actions": {"short": "call:reception"}},
    {"name": "exit", "label": "Exit", "actions": {"short": "mute", "long": "door"}},
]


class PlayedBox(Watcher):
    """A box (`agent.house.box.HouseBox`) that notes what it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[Any, ...]] = []
        self.troubles: list[str] = []
        self.open: dict[str, bool] = {"door": False}
        self.facts: dict[str, Any] = {
            "identity": "gate", "version": "1.2.3", "up_s": 7, "states": ["ready"], "troubles": {},
            "service": {"ready": True, "reason": ""}, "volume_percent": 60, "buttons": BUTTONS, "call": None,
            "sound": {"state": "open", "reason": ""}, "door": {"open": False, "locked": False},
        }  # fmt: skip
        self._listeners: list[tuple[Callable[[Happening], None], Callable[[], None]]] = []

    def status(self) -> dict[str, Any]:
        return dict(self.facts)

    def parts(self) -> Mapping[str, Mapping[str, Any]]:
        return {"pins": {"up": True, "restarts": 0, "age_s": 0.1}, "media": {"up": False, "restarts": 2, "age_s": 9.0}}

    def doors(self) -> Mapping[str, bool]:
        return dict(self.open)

    def openable(self) -> Collection[str]:
        return [name for name in self.open if name != "vault"]

    def press(self, name: str, hold_s: float) -> None:
        self._note("press", name)

    def open_door(self, name: str, why: str) -> None:
        self._note("door", name)

    def set_volume(self, percent: int) -> None:
        self._note("volume", percent)

    def set_do_not_disturb(self, on: bool) -> None:
        self._note("do_not_disturb", on)

    def call(self, whom: str) -> None:
        self._note("call", whom)

    def hang_up(self) -> None:
        self._note("hang_up")
        raise InvalidStateError("no call rings, and none is on")

    def listen(self, happened: Callable[[Happening], None], changed: Callable[[], None]) -> None:
        self._listeners.append((happened, changed))

    def happens(self, name: str, **details: Any) -> None:
        """Let something happen."""
        for happened, _changed in self._listeners:
            happened(Happening(name, details))

    def become(self, **facts: Any) -> None:
        """Be something else from now on."""
        self.facts |= facts
        for _happened, changed in self._listeners:
            changed()

    def trouble(self, why: str) -> None:
        """What a part says needs somebody."""
        self.troubles.append(why)
        self.tell("trouble", why)

    def _note(self, *asked: Any) -> None:
        self.asked.append(asked)
        self.tell("asked", *asked)


class Broker:
    """A mosquitto of the test's own."""

    def __init__(self, folder: Path, *lines: str) -> None:
        self.port = unused_port()
        self._file = folder / "mosquitto.conf"
        self._process: subprocess.Popen[bytes] | None = None
        self.configure(*lines)

    def configure(self, *lines: str) -> None:
        """What it says from its next start on, beside where it listens."""
        anonymous = [] if any("password_file" in line for line in lines) else ["allow_anonymous true"]
        self._file.write_text("\n".join((f"listener {self.port} 127.0.0.1", *anonymous, *lines, "user root", "")))

    def start(self) -> None:
        """Start it, and wait until it listens: it says so in its log."""
        assert MOSQUITTO is not None
        self._process = subprocess.Popen([MOSQUITTO, "-c", str(self._file), "-v"], stderr=subprocess.PIPE)
        assert self._process.stderr is not None
        heard = b""
        while b" running" not in heard:
            wait_read(self._process.stderr.fileno(), timeout=30)
            piece = self._process.stderr.read1(4096)  # type: ignore[attr-defined]
            assert piece, f"mosquitto ended: {heard.decode()}"
            heard += piece
        self._process.stderr.close()

    def pause(self) -> None:
        """Let it answer nobody."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it answer again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it without a farewell; idempotent."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Neighbour(Watcher):
    """Another client of the broker; its story is TOPIC and PAYLOAD of each message."""

    def __init__(self, broker: Broker, mailbox: Mailbox, user: str = "", password: str = "", **more: Any) -> None:
        super().__init__()
        self.messages: list[tuple[str, str, bool]] = []
        self._mailbox = mailbox
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        if user:
            self._client.username_pw_set(user, password)
        if more:
            self._client.tls_set(**more)
        self._client.on_message = lambda _client, _data, message: mailbox.post(self._hear, message)
        self._client.on_connect = lambda *_args: self._client.subscribe("#", qos=1)
        self._client.on_subscribe = lambda *_args: mailbox.post(self.tell, "listens")
        self._client.connect("127.0.0.1", broker.port)
        self._client.loop_start()
        self.until_told("listens")

    def say(self, topic: str, payload: str | bytes, *, retain: bool = False) -> None:
        """Publish something."""
        self._client.publish(topic, payload, qos=1, retain=retain)

    def last(self, topic: str) -> str:
        """What was said there last; empty for nothing."""
        return next((text for where, text, _ in reversed(self.messages) if where == topic), "")

    def until_hears(self, topic: str, payload: str = "") -> None:
        """Wait until this was the last that was said there; without a payload, until anything was."""
        self.until(lambda: self.last(topic) if not payload else self.last(topic) == payload, f"heard {topic} {payload}")

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _hear(self, message: Any) -> None:
        self.messages.append((message.topic, message.payload.decode(), bool(message.retain)))
        self.tell(message.topic, message.payload.decode())

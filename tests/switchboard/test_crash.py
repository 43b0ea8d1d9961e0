"""The switchboard's process is killed in a call: nobody's call hangs, and everybody is back with the next process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent.subprocess import PIPE, Popen

from agent import Device
from agent.media.bridge import Bridge
from agent.switchboard.runner import mint_for
from hw.sound.frame import SILENCE
from hw.sound.wav_sound import WavSound

PATIENCE_S = 60.0


class Command:
    """The switchboard as a command, which can be killed and started again at the same place."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = "127.0.0.1:0"
        self.ca_file = ""
        self.start()

    def start(self) -> None:
        where = ("--listen", self.address, "--state-dir", str(self.folder))
        self._process = Popen((sys.executable, "-m", "agent", "switchboard", *where), stdout=PIPE)
        facts: dict[str, str] = {}
        with gevent.Timeout(PATIENCE_S):
            while "ready" not in facts:
                name, _, value = self._process.stdout.readline().decode().strip().partition(" ")
                facts[name] = value.strip()
        self.address, self.ca_file = facts["address"], facts["certificate"]

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Command]:
    command = Command(tmp_path)
    yield command
    command.kill()


GENERATIONS: list[dict[str, Any]] = [
    {"generation": "1", "enable_ice_restart": True},
    {"generation": "1", "enable_ice_restart": False},
    {"generation": "2", "enable_ice_restart": True},
]


@pytest.fixture(params=GENERATIONS, ids=str)
def options(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Of the devices of either generation."""
    return dict(request.param)


class Box:
    """A Device, and what it has told."""

    def __init__(self, command: Command, bridge: Bridge, identity: str, **options: Any) -> None:
        self.events: list[str] = []
        self.call: Any = None
        self.device = Device()
        for name in ("ready", "offline", "incoming", "connect", "disconnect"):
            self.device.on(name, partial(self._note, name))
        self.sound = WavSound(capture=SILENCE, loop=True)
        self.device.setup(
            mint_for(str(command.folder), identity, 600), sound=self.sound, bridge=bridge, chunderw=command.address,
            ca_file=command.ca_file, publish_events=False, **options,
        )  # fmt: skip
        self.until("ready")

    def _note(self, name: str, *what: Any) -> None:
        self.events.append(name)
        self.call = what[0] if name in ("incoming", "connect") else self.call

    def until(self, name: str) -> None:
        with gevent.Timeout(PATIENCE_S, AssertionError(f"never {name}: {self.events}")):
            while name not in self.events:
                gevent.sleep(0.02)

    def close(self) -> None:
        self.device.destroy()
        self.sound.close()


def test_the_calls_of_a_killed_switchboard_end_and_its_clients_come_back(
    command: Command, options: dict[str, Any]
) -> None:
    with Bridge() as bridge:
        one, other = (Box(command, bridge, name, **options) for name in ("one", "other"))
        one.device.connect({"To": "other"})
        other.until("incoming")
        other.call.accept()
        for box in (one, other):
            box.until("connect")
            box.events.clear()
        command.kill()
        command.start()
        for box in (one, other):
            box.until("ready")
            box.until("disconnect")
            assert box.call.status() == "closed"
            box.close()

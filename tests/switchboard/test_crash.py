"""The switchboard's process is killed in a call: nobody's call hangs, and everybody is back with the next process."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import gevent
import pytest

from agent import Device
from agent.media.bridge import Bridge
from bench.rig.board import Board
from hw.sound.frame import SILENCE
from hw.sound.wav_sound import WavSound

PATIENCE_S = 60.0


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    board = Board(tmp_path / "switchboard")
    board.start()
    yield board
    board.kill()


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

    def __init__(self, board: Board, bridge: Bridge, identity: str, **options: Any) -> None:
        self.events: list[str] = []
        self.call: Any = None
        self.device = Device()
        for name in ("ready", "offline", "incoming", "connect", "disconnect"):
            self.device.on(name, partial(self._note, name))
        self.sound = WavSound(capture=SILENCE, loop=True)
        self.device.setup(
            board.token(identity), sound=self.sound, bridge=bridge, chunderw=board.address,
            ca_file=str(board.ca_file), publish_events=False, **options,
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
    board: Board, options: dict[str, Any]
) -> None:
    with Bridge() as bridge:
        one, other = (Box(board, bridge, name, **options) for name in ("one", "other"))
        one.device.connect({"To": "other"})
        other.until("incoming")
        other.call.accept()
        for box in (one, other):
            box.until("connect")
            box.events.clear()
        board.kill()
        board.start()
        for box in (one, other):
            box.until("ready")
            box.until("disconnect")
            assert box.call.status() == "closed"
            box.close()

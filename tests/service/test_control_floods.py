"""Whoever floods the control socket is answered in turns, and cut off when it does not read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import gevent
import gevent.socket
import pytest

from agent.errors import ControlError
from agent.service.control import ControlServer
from agent.service.control_client import ControlClient
from agent.service.control_connection import MAX_LINE_BYTES, REQUESTS_A_TURN
from bench.rig.floods import Flood
from bench.rig.turn import Turn
from bench.rig.ways_in import unix


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "control.sock"


@pytest.fixture
def turn() -> Iterator[Turn]:
    turn = Turn()
    yield turn
    turn.close()


@pytest.fixture
def server(path: Path, turn: Turn, monkeypatch: pytest.MonkeyPatch) -> Iterator[ControlServer]:
    monkeypatch.setattr(ControlServer, "_answer", turn.counted(ControlServer._answer))
    server = ControlServer(path, {"status": lambda: {"state": "ready"}})
    server.start()
    yield server
    server.close()


@pytest.mark.parametrize(
    "piece",
    [b"\n", b"junk\n", b'{"command":"status"}\n', b'{"command":"fly"}\n', b"[" * 5000 + b"\n", b"\xff\x00\n",
     b'{"command":"subscribe"}\n'],
)  # fmt: skip
def test_lines_without_end_are_answered_in_turns(server: ControlServer, path: Path, turn: Turn, piece: bytes) -> None:
    floods = [Flood(unix(path), piece) for _ in range(3)]

    while turn.total < 300:
        gevent.sleep(0.001)
    with ControlClient(str(path)) as client:
        assert client.request("status") == {"state": "ready"}
    for flood in floods:
        flood.stop()

    assert turn.most <= len(floods) * 2 * REQUESTS_A_TURN
    assert all(b'{"ok": ' in flood.answer for flood in floods)


def test_a_client_that_does_not_read_is_cut_off_and_told_of_once(
    server: ControlServer, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    deaf = [gevent.socket.socket(gevent.socket.AF_UNIX) for _ in range(2)]
    for sock in deaf:
        sock.connect(str(path))
        with pytest.raises(OSError), gevent.Timeout(20):
            while True:
                sock.sendall(b'{"command":"status"}\n' * 100)
        sock.close()

    assert [record.getMessage() for record in caplog.records] == [
        "a client of the control socket does not read and is cut off"
    ]


@pytest.mark.parametrize("byte", [b"x", b"[", b" "])
def test_a_line_without_end_is_refused(server: ControlServer, path: Path, byte: bytes) -> None:
    flood = Flood(unix(path), byte)
    flood.join()

    assert flood.was_ended
    assert json.loads(flood.answer) == {"ok": False, "error": f"a line has at most {MAX_LINE_BYTES} bytes"}


def test_an_agent_that_answers_without_end_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "other.sock"
    listener = gevent.socket.socket(gevent.socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def answer() -> None:
        sock, _ = listener.accept()
        with sock:
            while True:
                sock.sendall(b"x" * 100_000)

    answering = gevent.spawn(answer)
    with ControlClient(str(path)) as client, pytest.raises(ControlError, match="no end"):
        client.request("status")
    answering.kill()
    listener.close()

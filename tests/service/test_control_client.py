"""A socket that somebody else planted is not talked to, and what an agent answers is bounded and printable."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import gevent.socket
import pytest
from gevent import subprocess as hub_subprocess

from agent.errors import ControlError
from agent.service import control_client
from agent.service.control_client import ControlClient

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0
NOBODY = 65_534
PLANT = """
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
os.setresuid(65534, 65534, 65534)
listener.listen()
print("up", flush=True)
while True:
    connection, _ = listener.accept()
    try:
        connection.sendall(b'{"ok": true, "result": {"identity": "forged"}}\\n')
    except OSError:
        pass
"""

ANSWERS: dict[str, bytes] = {
    "no JSON": b"\x1b[31mred\n",
    "no table": b"[1]\n",
    "depth": b"[" * 100_000 + b"\n",
    "an empty status": b'{"ok": true, "result": {}}\n',
    "a wrong status": b'{"ok": true, "result": {"identity": 1, "states": "x", "buttons": 3, "service": []}}\n',
    "no answer": b"{}\n",
    "a word for yes": b'{"ok": "\\u001b[2J", "result": {}}\n',
    "a refusal with escapes": b'{"ok": false, "error": "\\u001b[2Jforged\\u0007\\n12:00:00 trouble \\u202e"}\n',
    "letters that are none": b"\xff\xfe\n",
    "the end": b"",
    "an endless line": b"x" * 10_000_000,
}


@pytest.fixture
def answering(tmp_path: Path) -> Iterator[Callable[[bytes], Path]]:
    listener = gevent.socket.socket(gevent.socket.AF_UNIX)
    path = tmp_path / "control.sock"
    listener.bind(str(path))
    listener.listen()
    serving: list[Any] = []

    def begin(answer: bytes) -> Path:
        def serve() -> None:
            while True:
                sock, _ = listener.accept()
                with sock:
                    try:
                        sock.recv(1000)
                        sock.sendall(answer)
                    except OSError:
                        pass

        serving.append(gevent.spawn(serve))
        return path

    yield begin
    gevent.killall(serving)
    listener.close()


def ask(folder: Path, *words: str) -> Any:
    """Run Python in a process of its own, as whoever asks is; the socket is in `folder`."""
    environment = os.environ | {"RUNTIME_DIRECTORY": str(folder), "PYTHONPATH": str(ROOT)}
    return hub_subprocess.run([sys.executable, *words], cwd=ROOT, env=environment, timeout=PATIENCE_S, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip


@pytest.mark.parametrize("command", [["status"], ["press", "green"], ["status", "--json"]], ids=" ".join)
@pytest.mark.parametrize("name", ANSWERS)
def test_whatever_answers_is_told_in_one_printable_line(
    answering: Callable[[bytes], Path], command: list[str], name: str
) -> None:
    path = answering(ANSWERS[name])

    told = ask(path.parent, "-m", "agent", *command)

    if "--json" not in command or told.returncode:
        assert (told.returncode, told.stdout) == (1, "")
        assert told.stderr.startswith(f"kiosk-agent {command[0]}: ") and told.stderr.count("\n") == 1
    assert all(line.isprintable() for line in (told.stdout + told.stderr).split("\n"))


TRICKLE = """
import sys
from agent.errors import ControlError
from agent.service.control_client import ControlClient
with ControlClient() as client:
    try:
        client.request("status", timeout_s=0.5)
    except ControlError as error:
        sys.exit(str(error))
"""


@pytest.mark.parametrize("answer", [b"", b"x"], ids=["silence", "a trickle"])
def test_an_agent_that_takes_too_long_is_given_up_however_much_it_says(tmp_path: Path, answer: bytes) -> None:
    listener = gevent.socket.socket(gevent.socket.AF_UNIX)
    listener.bind(str(tmp_path / "control.sock"))
    listener.listen()

    def serve() -> None:
        sock, _ = listener.accept()
        with suppress(OSError):
            while True:
                sock.sendall(answer)
                gevent.sleep(0.05)

    serving = gevent.spawn(serve)
    told = ask(tmp_path, "-c", TRICKLE)
    gevent.kill(serving)
    listener.close()

    assert (told.returncode, told.stderr) == (1, "the agent did not answer within 0.5 s\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="another user's socket needs root")
def test_a_socket_of_another_user_is_not_talked_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "kiosk-agent"
    folder.mkdir()
    path = folder / "control.sock"
    planted = subprocess.Popen([sys.executable, "-c", PLANT, str(path)], stdout=subprocess.PIPE)
    assert planted.stdout is not None and planted.stdout.readline() == b"up\n"
    monkeypatch.setattr(control_client, "SERVICE_FOLDER", tmp_path / "nowhere")

    for configured, environ in (("", {"XDG_RUNTIME_DIR": str(tmp_path)}), (str(path), {})):
        with pytest.raises(ControlError, match=f"served by user {NOBODY}"):
            ControlClient(configured, environ)
    planted.kill()
    planted.wait()


def test_the_place_that_only_root_can_fill_is_looked_at_first(
    answering: Callable[[bytes], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = answering(b'{"ok": true, "result": "the service"}\n')
    monkeypatch.setattr(control_client, "SERVICE_FOLDER", path.parent)
    other = tmp_path / "session" / "kiosk-agent"
    other.mkdir(parents=True)
    with gevent.socket.socket(gevent.socket.AF_UNIX) as listener:
        listener.bind(str(other / "control.sock"))
        listener.listen()

        with ControlClient(environ={"XDG_RUNTIME_DIR": str(other.parent)}) as client:
            assert client.request("status") == "the service"

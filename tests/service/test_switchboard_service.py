"""The switchboard as a service: systemd hears that it serves, that it lives, and that it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PATIENCE_S = 60.0


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """What systemd listens at."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(PATIENCE_S)
        yield listening


@pytest.fixture
def switchboard(tmp_path: Path, manager: socket.socket) -> Iterator[subprocess.Popen[bytes]]:
    (tmp_path / "switchboard.toml").write_text("[switchboard]\nlisten_port = 0\n")
    told = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "300000",
            "STATE_DIRECTORY": str(tmp_path / "state")}  # fmt: skip
    command = [sys.executable, "-m", "agent", "switchboard", "--config", str(tmp_path / "switchboard.toml")]
    process = subprocess.Popen(command, env=os.environ | told, stdout=subprocess.DEVNULL)
    yield process
    process.kill()
    process.wait()


def until_says(manager: socket.socket, word: str) -> str:
    while word not in (said := manager.recv(4096).decode()):
        pass
    return said


def test_systemd_hears_what_becomes_of_it(manager: socket.socket, switchboard: subprocess.Popen[bytes]) -> None:
    assert "STATUS=serves 127.0.0.1:" in until_says(manager, "READY=1")
    for _ in range(3):
        until_says(manager, "WATCHDOG=1")

    switchboard.send_signal(signal.SIGTERM)

    until_says(manager, "STOPPING=1")
    assert switchboard.wait(PATIENCE_S) == 0


def test_its_keys_lie_in_the_folder_of_the_service(
    tmp_path: Path, manager: socket.socket, switchboard: subprocess.Popen[bytes]
) -> None:
    until_says(manager, "READY=1")

    assert {"api_key.json", "authority.pem", "ca.pem"} <= {path.name for path in (tmp_path / "state").iterdir()}

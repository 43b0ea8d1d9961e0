"""What systemd is told, as it arrives at a notify socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.service.notifier import Notifier, watchdog_timeout_s


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """A service manager's end of the notify socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(5)
        yield manager


def test_every_message_arrives_as_systemd_expects_it(manager: socket.socket) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": manager.getsockname()})

    notifier.ready("registered as kiosk")
    notifier.status("in a call\nwith the gate")
    notifier.watchdog()
    notifier.stopping()
    notifier.close()

    assert [manager.recv(200).decode() for _ in range(4)] == [
        "READY=1\nSTATUS=registered as kiosk",
        "STATUS=in a call with the gate",
        "WATCHDOG=1",
        "STOPPING=1",
    ]


def test_an_abstract_socket_name_is_understood() -> None:
    name = f"kiosk-agent-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name)
        manager.settimeout(5)

        Notifier({"NOTIFY_SOCKET": "@" + name}).watchdog()

        assert manager.recv(100) == b"WATCHDOG=1"


def test_without_a_manager_nothing_is_sent_and_nothing_fails() -> None:
    notifier = Notifier({})

    notifier.ready("up")
    notifier.close()


def test_a_manager_that_went_away_is_warned_about_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")})

    notifier.watchdog()
    notifier.watchdog()

    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.parametrize(
    ("environ", "timeout_s"),
    [
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "77"}, 10.0),
        ({"WATCHDOG_USEC": "10000000"}, 10.0),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "78"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_on_only_when_meant_for_this_process(environ: dict[str, str], timeout_s: float | None) -> None:
    assert watchdog_timeout_s(environ, pid=77) == timeout_s

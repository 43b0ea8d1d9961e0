"""A running agent is reached through its socket, by its own user only."""

from __future__ import annotations

import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import gevent.socket
import pytest
from gevent.event import Event

from agent.errors import ControlError, InvalidArgumentError
from agent.service.control import ControlServer
from agent.service.control_client import ControlClient
from agent.service.control_connection import MAX_WAITING
from agent.service.control_path import socket_path


class Panel:
    """The commands of a small agent."""

    def __init__(self) -> None:
        self.pressed: list[tuple[str, float]] = []

    def press(self, button: str, hold_s: float = 0.1) -> None:
        if button == "purple":
            raise InvalidArgumentError("there is no button purple; there are: green, red")
        self.pressed.append((button, hold_s))

    def status(self) -> dict[str, Any]:
        return {"state": "ready", "pressed": len(self.pressed)}

    def burn(self) -> None:
        raise ZeroDivisionError("oops")


@pytest.fixture
def panel() -> Panel:
    return Panel()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "control.sock"


@pytest.fixture
def server(path: Path, panel: Panel) -> Iterator[ControlServer]:
    server = ControlServer(path, {"press": panel.press, "status": panel.status, "burn": panel.burn})
    server.start()
    yield server
    server.close()


@pytest.fixture
def client(server: ControlServer, path: Path) -> Iterator[ControlClient]:
    with ControlClient(str(path)) as client:
        yield client


def test_a_command_is_performed_and_its_result_returned(client: ControlClient, panel: Panel) -> None:
    client.request("press", button="green", hold_s=2.0)

    assert panel.pressed == [("green", 2.0)]
    assert client.request("status") == {"state": "ready", "pressed": 1}


def test_a_refusal_arrives_in_the_words_of_the_agent(client: ControlClient) -> None:
    with pytest.raises(ControlError, match="there is no button purple; there are: green, red"):
        client.request("press", button="purple")


def test_an_unknown_command_gets_the_list_of_those_that_exist(client: ControlClient) -> None:
    with pytest.raises(ControlError, match="unknown command fly; known: burn, press, status, subscribe"):
        client.request("fly")


def test_wrong_parameters_are_refused_and_nothing_is_done(client: ControlClient, panel: Panel) -> None:
    with pytest.raises(ControlError, match="press: got an unexpected keyword argument 'colour'"):
        client.request("press", button="green", colour="green")
    assert panel.pressed == []


def test_a_command_that_fails_does_not_end_the_connection(client: ControlClient) -> None:
    with pytest.raises(ControlError, match="burn failed: oops"):
        client.request("burn")

    assert client.request("status")["state"] == "ready"


@pytest.mark.parametrize("line", [b"not json\n", b"[1, 2]\n", b'{"command": 7}\n', b"\n", b"\xff\n"])
def test_a_line_that_is_no_request_is_answered_with_what_was_expected(
    server: ControlServer, path: Path, line: bytes
) -> None:
    with gevent.socket.socket(socket.AF_UNIX) as raw:
        raw.connect(str(path))
        raw.sendall(line)

        assert raw.recv(1000) == b'{"ok": false, "error": "expected one JSON object a line, with \\"command\\""}\n'


def test_an_endless_line_ends_the_connection(server: ControlServer, path: Path) -> None:
    with gevent.socket.socket(socket.AF_UNIX) as raw:
        raw.connect(str(path))
        with gevent.Timeout(10):
            assert is_cut_off(raw, b"x" * 1_000_000)


def is_cut_off(raw: gevent.socket.socket, sent: bytes) -> bool:
    try:
        raw.sendall(sent)
        return bool(raw.recv(10) == b"")
    except ConnectionError:
        return True


def test_subscribers_get_every_event_in_order(server: ControlServer, path: Path) -> None:
    with ControlClient(str(path)) as client:
        events = client.events()
        first = gevent.spawn(next, events)
        gevent.idle()
        with ControlClient(str(path)) as other:
            other.request("status")  # by now the subscription before it has been served

        server.publish("light", {"ready": 1.0})
        server.publish("call", "incoming")

        assert first.get(timeout=5) == ("light", {"ready": 1.0})
        assert next(events) == ("call", "incoming")


def test_the_events_end_when_the_agent_ends(server: ControlServer, path: Path) -> None:
    with ControlClient(str(path)) as client:
        ended = Event()
        gevent.spawn(lambda: (list(client.events()), ended.set()))
        gevent.idle()

        server.close()

        assert ended.wait(5)


def test_a_subscriber_that_does_not_read_is_cut_off_and_the_others_are_served(
    server: ControlServer, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with ControlClient(str(path)) as lazy, ControlClient(str(path)) as other:
        lazy.request("subscribe")
        for _ in range(MAX_WAITING * 3):
            server.publish("level", "x" * 4000)
            gevent.idle()

        assert other.request("status")["state"] == "ready"
    assert "does not read" in caplog.text


def test_only_its_own_user_may_open_the_socket(server: ControlServer, path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_the_socket_of_a_dead_agent_is_replaced(path: Path, panel: Panel) -> None:
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))

    server = ControlServer(path, {"status": panel.status})
    server.start()

    with ControlClient(str(path)) as client:
        assert client.request("status")["state"] == "ready"
    server.close()


def test_a_second_agent_is_refused_and_the_first_goes_on(server: ControlServer, path: Path, panel: Panel) -> None:
    with pytest.raises(ControlError, match="another agent is running already"):
        ControlServer(path, {}).start()

    with ControlClient(str(path)) as client:
        assert client.request("status")["state"] == "ready"


def test_a_folder_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)

    with pytest.raises(ControlError, match="only this user may write to"):
        ControlServer(folder / "control.sock", {}).start()


def test_the_socket_is_gone_after_the_end(server: ControlServer, path: Path) -> None:
    server.close()
    server.close()

    assert not path.exists()


def test_without_an_agent_the_client_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match=f"no agent can be reached .*{tmp_path}/kiosk-agent/control.sock"):
        ControlClient(environ={"XDG_RUNTIME_DIR": str(tmp_path)})


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        ({"RUNTIME_DIRECTORY": "/run/kiosk-agent:/run/other"}, "/run/kiosk-agent/control.sock"),
        ({"RUNTIME_DIRECTORY": "/run/x", "XDG_RUNTIME_DIR": "/run/user/1"}, "/run/x/control.sock"),
        ({"XDG_RUNTIME_DIR": "/run/user/1"}, "/run/user/1/kiosk-agent/control.sock"),
    ],
)
def test_the_socket_lies_in_the_nearest_runtime_folder(environ: dict[str, str], path: str) -> None:
    assert str(socket_path(environ=environ)) == path

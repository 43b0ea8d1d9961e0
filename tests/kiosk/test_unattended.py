"""A service that cannot run says so with its lights and to whoever asks, and begins when that is mended."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent.event import Event

from agent.config.settings_file import SettingsFile
from agent.errors import ControlError
from agent.kiosk.kiosk import Kiosk
from agent.kiosk.out_of_order import OutOfOrder
from agent.kiosk.unattended import Unattended
from agent.service.control_client import ControlClient
from agent.service.notifier import Notifier
from bench.rig.certificate import make_certificate
from hw.errors import PinError
from hw.panel.pins import open_factory

PATIENCE_S = 30.0
show = OutOfOrder.show
SETTINGS = """
[box]
pins = "mock"
[token]
url = "https://tokens.example/kiosk"
[lights.status]
pin = 24
[lights.colour]
red = 5
green = 6
blue = 13
[buttons.green]
pin = {button}
short = "{action}"
[signaling]
ca_file = "{authority}"
[page]
enabled = false
[service]
control_socket = "{socket}"
"""
GOOD = {"button": 17, "action": "accept", "authority": "", "socket": ""}


class Service:
    """The service with settings that a test writes; a box that could run is noted, and not started."""

    def __init__(self, folder: Path) -> None:
        self.settings = folder / "config.toml"
        self.boxes: list[Kiosk] = []
        self.began = Event()
        self._greenlet: Any = None
        self._folder = folder

    def write(self, **changes: object) -> None:
        new = self._folder / "new"
        new.write_text(SETTINGS.format(**{**GOOD, **changes}))
        new.replace(self.settings)

    def start(self) -> None:
        self._greenlet = gevent.spawn(Unattended(SettingsFile(self.settings), self._begin).run)

    def status(self) -> dict[str, Any]:
        """What `kiosk-agent status` would get."""
        with gevent.Timeout(PATIENCE_S, AssertionError("nobody answers on the control socket")):
            while True:
                try:
                    with ControlClient() as client:
                        return dict(client.request("status"))
                except ControlError:
                    gevent.sleep(0.01)

    def close(self) -> None:
        self._greenlet.kill()
        for box in self.boxes:
            box.stop()

    def _begin(self, box: Kiosk) -> int:
        self.boxes.append(box)
        self.began.set()
        return 0


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    runtime = tmp_path / "run"
    runtime.mkdir(mode=0o700)
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(runtime))
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    service = Service(tmp_path)
    yield service
    service.close()


def four_flashes(status: dict[str, Any]) -> bool:
    lights = status["lights"].values()
    return bool(lights) and all((one["shape"], one["count"], one["state"]) == ("flash", 4, "error") for one in lights)


BROKEN = {
    "a wrong action": ({"action": "sing"}, "settings", "sing"),
    "a light's pin twice": ({"button": 24}, "settings", "24"),
    "no such certificate": ({"authority": "/nowhere/ca.pem"}, "settings", "ca_file"),
    "no TOML": ({"button": '"\n[['}, "settings", "config.toml"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_settings_that_cannot_be_used_flash_four_times_and_are_taken_when_they_are_mended(
    service: Service, name: str
) -> None:
    changes, part, word = BROKEN[name]
    service.write(**changes)
    service.start()

    status = service.status()

    assert four_flashes(status), status["lights"]
    assert word in status["troubles"][part]
    assert status["last_error"]["why"] == status["troubles"][part]
    assert not service.began.is_set()

    service.write()
    assert service.began.wait(PATIENCE_S)


def test_missing_settings_are_shown_on_the_lights_of_those_before(service: Service) -> None:
    service.write()
    service.start()
    assert service.began.wait(PATIENCE_S)
    service.boxes.pop().stop()
    service.began.clear()
    service.settings.unlink()
    service.start()

    status = service.status()

    assert four_flashes(status)
    assert len(status["lights"]) == 4
    service.write()
    assert service.began.wait(PATIENCE_S)


def test_a_file_that_the_settings_name_is_looked_at_too(service: Service, tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text("nothing yet")
    service.write(authority=authority)
    service.start()
    assert "ca_file" in service.status()["troubles"]["settings"]

    make_certificate(authority, tmp_path / "key.pem", ("box.example",))

    assert service.began.wait(PATIENCE_S)


def test_the_socket_that_it_makes_itself_is_no_change_of_a_file(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.kiosk.unattended.LOOK_S", 0.01)
    tried: list[str] = []
    monkeypatch.setattr(OutOfOrder, "show", lambda self, _part, why: (tried.append(why), show(self, _part, why)))
    service.write(authority="/nowhere/ca.pem", socket=tmp_path / "run" / "control.sock")
    service.start()

    with gevent.Timeout(1.0, False):  # less than the first pause
        while len(tried) < 2:
            gevent.sleep(0.01)

    assert len(tried) == 1
    assert (tmp_path / "run" / "control.sock").exists()


def test_a_reload_tries_at_once(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.kiosk.unattended.FIRST_PAUSE_S", 600.0)
    tried = Event()
    service.write(button=24)
    monkeypatch.setattr(Kiosk, "__init__", lambda *_: tried.set())
    service.start()
    service.status()
    monkeypatch.setattr("agent.config.settings_file.load_for_box", lambda _path, **_: None)

    with ControlClient() as client:
        client.request("reload")

    assert tried.wait(PATIENCE_S)
    service.boxes.clear()


def test_pins_that_may_not_be_used_are_tried_again(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    denied = [True]

    def refuse(kind: str, chip: str) -> Any:
        if denied:
            raise PinError("user 'kiosk' may not open /dev/gpiochip0")
        return open_factory(kind, chip)

    monkeypatch.setattr("agent.kiosk.kiosk.open_factory", refuse)
    monkeypatch.setattr("agent.kiosk.unattended.FIRST_PAUSE_S", 0.1)
    service.write()
    service.start()

    status = service.status()
    assert "gpiochip0" in status["troubles"]["pins"]
    assert four_flashes(status)

    denied.clear()
    assert service.began.wait(PATIENCE_S)


def test_it_tells_systemd_that_it_lives_and_what_is_wrong(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        service.write(action="sing")
        service.start()
        service.status()
        heard = manager.recv(4096).decode()
        assert heard.startswith("READY=1\nSTATUS=out of order; ")
        assert "sing" in heard
        assert manager.recv(4096) == b"WATCHDOG=1"
    Notifier().close()


def test_what_stays_wrong_is_logged_once(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("agent.kiosk.unattended.FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr("agent.kiosk.unattended.LONGEST_PAUSE_S", 0.01)
    shown, enough = [0], Event()
    service.write(action="sing")
    before = Notifier.ready

    def count(notifier: Notifier, words: str) -> None:
        shown[0] += 1
        if shown[0] == 10:
            enough.set()
        before(notifier, words)

    monkeypatch.setattr(Notifier, "ready", count)
    service.start()

    assert enough.wait(PATIENCE_S)
    assert len([line for line in caplog.records if line.levelname in ("WARNING", "ERROR")]) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_while_it_is_out_of_order(
    service: Service, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[object] = []
    monkeypatch.setattr("agent.service.stopping.leave_by", lambda *how: left.append(how))
    service.write(action="sing")
    service.start()
    service.status()

    os.kill(os.getpid(), number)

    assert service._greenlet.get(timeout=PATIENCE_S) == 0
    assert left


@pytest.mark.parametrize("runs_for_long", [True, False])
def test_only_a_box_that_has_run_for_some_while_is_in_no_loop(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runs_for_long: bool
) -> None:
    starts = tmp_path / "run" / "starts"
    ends = Event()

    def dies(box: Kiosk) -> int:
        Service._begin(service, box)
        ends.wait()
        return 1

    monkeypatch.setattr(service, "_begin", dies)
    monkeypatch.setattr("agent.kiosk.unattended.STEADY_S", 0.0 if runs_for_long else 1e6)
    service.write()
    service.start()
    assert service.began.wait(PATIENCE_S)
    if runs_for_long:
        with gevent.Timeout(PATIENCE_S):
            while starts.exists():
                gevent.sleep(0.01)
    ends.set()

    assert service._greenlet.get(timeout=PATIENCE_S) == 1
    assert starts.exists() is not runs_for_long


def test_a_program_that_ends_again_and_again_waits_and_says_so(service: Service, tmp_path: Path) -> None:
    (tmp_path / "run" / "starts").write_text(str([0.1 * at for at in range(1, 9)]))
    service.write()
    service.start()

    status = service.status()

    assert four_flashes(status)
    assert "again and again" in status["troubles"]["program"]
    assert not service.began.is_set()
    service.write(button=18)
    assert service.began.wait(PATIENCE_S)



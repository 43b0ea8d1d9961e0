"""Settings that change while the box runs: taken at once where that is possible, after the call where it is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gevent.event import Event

from agent.config.settings_file import SettingsFile
from agent.errors import ConfigError
from agent.kiosk.reload import Reload, changed_keys, with_keys
from agent.service.control_client import ControlClient
from hw.errors import PinError
from tests.kiosk.stage import BOX_HZ, VISITOR_HZ, Box, Phone, Site

SETTINGS = """
[box]
identity = "box"
pins = "mock"
[signaling]
server = "{server}"
ca_file = "{folder}/{authority}"
insights = "off"
[token]
key_file = "{folder}/state/{key}"
[sound]
driver = "none"
volume_percent = {volume}
[answering]
auto_answer = [{answered}]
auto_answer_delay_ms = 0
[buttons.only]
pin = {button}
debounce_ms = 5
short = "{action}"
[lights.{light}]
pin = {pin}
ready = "steady"
in_call = "steady"
[door]
pin = 26
open_ms = {open_ms}
[page]
enabled = {page}
listen = "127.0.0.1:0"
[service]
control_socket = "{folder}/run/control.sock"
state_dir = "{folder}/state"
log_level = "{level}"
"""
FIRST: dict[str, object] = {
    "authority": "state/ca.pem", "key": "api_key.json", "volume": 50, "answered": '"client:visitor"', "button": 17,
    "action": "hang_up", "light": "status", "pin": 24, "open_ms": 300, "page": "false", "level": "info",
}  # fmt: skip


class Running:
    """A box that was started from a file."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._path = site.folder / "box.toml"
        self.settings = SettingsFile(self._path)
        self.levels: list[str] = []
        self.begins_anew = Event()
        self.write()
        self.box: Box = site.box(self.settings.load())
        self.reload = Reload(self.box.kiosk, self.settings, self.begins_anew.set, self.levels.append)

    def write(self, **changes: object) -> None:
        given = {**FIRST, **changes}
        self._path.write_text(
            SETTINGS.format(server=self._site.switchboard.address.server, folder=self._site.folder, **given)
        )
        self._path.chmod(0o600)


@pytest.fixture
def running(site: Site) -> Running:
    return Running(site)


@pytest.fixture
def talking(running: Running, visitor: Phone) -> Phone:
    visitor.dial()
    running.box.until_shows("in_call")
    running.box.until_hears(VISITOR_HZ)
    visitor.until_hears(BOX_HZ)
    return visitor


def other_key(site: Site) -> str:
    (site.folder / "state" / "again.json").write_bytes((site.folder / "state" / "api_key.json").read_bytes())
    (site.folder / "state" / "again.json").chmod(0o600)
    return "again.json"


def other_authority(site: Site) -> str:
    (site.folder / "ca2.pem").write_bytes((site.folder / "state" / "ca.pem").read_bytes())
    return "ca2.pem"


LIVE: dict[str, tuple[str, Callable[[Site], dict[str, object]]]] = {
    "lights": ("lights", lambda _: {"light": "another", "pin": 25}),
    "buttons": ("buttons", lambda _: {"button": 22}),
    "answering": ("answering.auto_answer", lambda _: {"answered": ""}),
    "volume": ("sound.volume_percent", lambda _: {"volume": 80}),
    "page": ("page.enabled", lambda _: {"page": "true"}),
    "token": ("token.key_file", lambda site: {"key": other_key(site)}),
    "authority": ("signaling.ca_file", lambda site: {"authority": other_authority(site)}),
    "log level": ("service.log_level", lambda _: {"level": "debug"}),
}


@pytest.mark.parametrize("name", LIVE)
def test_what_can_change_at_once_does_and_no_call_notices(
    site: Site, running: Running, talking: Phone, name: str
) -> None:
    key, changes = LIVE[name]
    running.write(**changes(site))

    done = running.reload.now()

    assert done == {"applied": [key], "waits": []}
    running.box.until_shows("ready", "in_call")
    running.box.until_hears(VISITOR_HZ)
    talking.until_hears(BOX_HZ)
    assert changed_keys(running.box.kiosk.config, running.settings.load()) == []
    assert not running.begins_anew.is_set()


def test_lights_buttons_and_volume_are_other_ones_afterwards(running: Running, talking: Phone) -> None:
    running.write(light="another", pin=17, button=24, volume=80)  # each has the other's pin

    running.reload.now()

    box = running.box
    assert list(box.status["lights"]) == ["another"]
    assert box.status["lights"]["another"]["state"] == "in_call"
    assert box.status["volume_percent"] == 80
    box.press("only")
    talking.until_told("disconnect")
    box.until_calm()


def test_the_page_is_served_from_now_on_and_no_more(running: Running) -> None:
    running.write(page="true")
    running.reload.now()
    assert running.box.kiosk.page.served.wait(20)

    running.write(page="false")
    running.reload.now()

    running.box.until(lambda: not running.box.kiosk.page.url, "stopped serving")


def test_another_level_of_the_log_is_told(running: Running) -> None:
    running.write(level="warning")

    running.reload.now()

    assert running.levels == ["warning"]


def test_what_cannot_change_in_a_call_waits_for_its_end(running: Running, talking: Phone) -> None:
    running.write(open_ms=500, volume=60)

    assert running.reload.now() == {"applied": ["sound.volume_percent"], "waits": ["door.open_ms"]}
    running.box.until_hears(VISITOR_HZ)
    assert not running.begins_anew.wait(0.5)

    talking.call.disconnect()
    assert running.begins_anew.wait(20)


def test_what_waits_is_forgotten_when_it_is_taken_back(running: Running, talking: Phone) -> None:
    running.write(open_ms=500)
    running.reload.now()

    running.write()
    assert running.reload.now() == {"applied": [], "waits": []}
    talking.call.disconnect()

    running.box.until_calm()
    assert not running.begins_anew.wait(0.5)


def test_an_idle_box_begins_anew_after_its_answer(running: Running, site: Site) -> None:
    running.write(open_ms=500)

    with ControlClient(str(site.folder / "run" / "control.sock")) as client:
        assert client.request("reload")["waits"] == ["door.open_ms"]

    assert running.begins_anew.wait(20)


@pytest.mark.parametrize("changes", [{"action": "sing"}, {"pin": 26}, {"authority": "nothing.pem"}, {"page": '"\n[['}])
def test_a_file_that_cannot_be_used_is_refused_and_the_old_one_stays(
    running: Running, changes: dict[str, object]
) -> None:
    before = running.box.kiosk.config
    running.write(volume=10, **changes)

    with pytest.raises(ConfigError):
        running.reload.now()
    running.reload.on_hangup()

    assert running.box.kiosk.config == before
    assert running.box.status["volume_percent"] == 50
    assert "refused" in running.box.status["troubles"]["reload"]
    running.write()
    running.reload.on_hangup()
    assert "reload" not in running.box.status["troubles"]


def test_a_pin_that_cannot_be_had_leaves_the_old_panel_at_work(
    running: Running, talking: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    pins: Any = running.box.kiosk.pins
    output = pins.output

    def refuse(number: int, **how: Any) -> Any:
        if number == 25:
            raise PinError("GPIO25 cannot be used")
        return output(number, **how)

    monkeypatch.setattr(pins, "output", refuse)
    running.write(pin=25, button=18, action="mute")

    with pytest.raises(PinError):
        running.reload.now()

    assert list(running.box.status["lights"]) == ["status"]
    running.box.press("only")
    talking.until_told("disconnect")


def test_only_the_named_keys_are_mixed_in(running: Running, tmp_path: Path) -> None:
    old = running.settings.load()
    running.write(volume=80, open_ms=500, button=18)
    new = running.settings.load()

    mixed = with_keys(old, new, ["sound.volume_percent", "buttons"])

    assert changed_keys(old, new) == ["sound.volume_percent", "buttons", "door.open_ms"]
    assert changed_keys(old, mixed) == ["sound.volume_percent", "buttons"]

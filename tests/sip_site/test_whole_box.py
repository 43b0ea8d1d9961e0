"""A whole box, from its settings file to its process, at a site: a button rings a phone, and a phone is answered."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.errors import ControlError
from agent.service.control_client import ControlClient
from bench.rig.sip_box import until
from bench.rig.sip_phone import SipPhone, write_tone
from bench.rig.sip_site import DOMAIN, USERS, SipSite

from .test_phones import until_nothing_is_left

pytestmark = pytest.mark.sip_site

SETTINGS = """
[box]
pins = "mock"
[signaling]
protocol = "sip"
ca_file = "{ca_file}"
[sip]
edges = ["{edge}"]
user = "box"
domain = "{domain}"
secret_file = "{folder}/secret"
[sound]
driver = "wav"
wav_capture = "{folder}/says.wav"
wav_loop = true
echo = "none"
noise_suppression = false
volume_percent = 100
[buttons.desk]
pin = 17
short = "call:desk?Door=front"
[buttons.hangup]
pin = 27
short = "hang_up"
[service]
control_socket = "{folder}/control.sock"
state_dir = "{folder}/state"
"""


class Running:
    """The process, and what somebody in front of it does and sees."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "control.sock"
        self.log = folder / "log"

    def ask(self, command: str, **parameters: Any) -> Any:
        with ControlClient(str(self.socket)) as client:
            return client.request(command, **parameters)

    def status(self) -> dict[str, Any]:
        try:
            return dict(self.ask("status"))
        except ControlError:
            return {}

    def is_ready(self) -> bool:
        return bool(self.status().get("service", {}).get("ready"))


@pytest.fixture
def running(one_edge: SipSite, tmp_path: Path) -> Iterator[Running]:
    write_tone(tmp_path / "says.wav", 440, rate_hz=48_000, seconds=2)
    (tmp_path / "secret").touch(0o600)
    (tmp_path / "secret").write_text(USERS["box"] + "\n")
    settings = tmp_path / "box.toml"
    settings.write_text(SETTINGS.format(ca_file=one_edge.ca_file, edge=one_edge.uri(), domain=DOMAIN, folder=tmp_path))
    settings.chmod(0o600)
    box = Running(tmp_path)
    words = (sys.executable, "-m", "agent", "run", "--config", str(settings))
    process = one_edge.spawn("client", *words, log=box.log, cwd=Path(__file__).parents[2])
    try:
        until(box.is_ready, "ready", 60)
        yield box
    except AssertionError as failure:
        raise AssertionError(f"{failure}: {box.status()} {box.log.read_text()[-3000:]}") from None
    finally:
        process.terminate()
        process.wait(20)
    assert process.returncode in (0, -15), os.strerror(process.returncode)


def test_a_button_rings_a_phone_and_a_phone_is_answered(
    one_edge: SipSite, running: Running, phone: Callable[..., SipPhone]
) -> None:
    desk = phone("desk", hz=700)
    running.ask("press", button="desk")
    desk.until_hears(440)
    running.ask("press", button="hangup")
    desk.until_event("CALL_CLOSED")
    until(lambda: running.status()["call"] is None, "no call")
    desk.dial("box")
    until(lambda: (running.status()["call"] or {}).get("direction") == "incoming", "a call")
    running.ask("press", button="desk")  # which takes it
    desk.until_event("CALL_ESTABLISHED", 2)
    desk.hang_up()
    until(lambda: running.status()["call"] is None, "no call")
    until_nothing_is_left(one_edge)

"""A box that starts without a name server says so, and is ready soon after it can look names up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import gevent
import pytest
from gevent import socket
from gevent.event import Event

from agent.config import Config
from agent.kiosk.box_events import Noticeboard
from agent.kiosk.box_state import Situation
from agent.kiosk.name_watch import NameWatch, service_hosts
from agent.net import resolve as resolve_module
from agent.supervision.heartbeat import Heartbeat
from tests.kiosk.stage import Site

REFUSED = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


class Names:
    """The name servers of this machine; they know the switchboard by the name of this machine."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._real = socket.getaddrinfo
        self.work = False
        self.silent = False
        monkeypatch.setattr(resolve_module.socket, "getaddrinfo", self.getaddrinfo)

    def getaddrinfo(self, host: str, port: int, **more: Any) -> Any:
        if not self.work and self.silent:
            Event().wait()
        if not self.work and host == "localhost":
            raise REFUSED
        return self._real(host, port, **more)


@pytest.mark.parametrize("silent", [False, True])
def test_a_box_without_names_shows_that_it_is_offline_and_why(
    site: Site, monkeypatch: pytest.MonkeyPatch, silent: bool
) -> None:
    monkeypatch.setattr("agent.kiosk.name_watch.BOOT_S", 1.0)
    Names(monkeypatch).silent = silent
    config = site.config()
    port = config.signaling.server.rpartition(":")[2]

    box = site.box(replace(config, signaling=replace(config.signaling, server=f"localhost:{port}")), ready=False)

    box.until_shows("offline")
    assert "booting" not in box.states
    assert box.status["service"]["reason"]


def test_a_box_connects_when_names_are_back_however_long_its_pause_is(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = Names(monkeypatch)
    monkeypatch.setattr("agent.kiosk.name_watch.LOOK_S", 0.2)
    config = site.config()
    port = config.signaling.server.rpartition(":")[2]
    box = site.box(replace(config, signaling=replace(config.signaling, server=f"localhost:{port}")), ready=False)
    box.until_shows("offline")
    stream: Any = box.kiosk.device.stream
    stream._link._retries.expire = lambda _now: False  # its own next try is far away

    names.work = True

    box.until_shows("ready")


@pytest.mark.parametrize(
    ("settings", "hosts"),
    [
        ({"server": "door.example:8443"}, ["door.example"]),
        ({"server": "[::1]:8443"}, ["::1"]),
        ({}, ["voice-js.roaming.twilio.com"]),
        ({"edge": "dublin, ashburn"}, ["voice-js.dublin.twilio.com", "voice-js.ashburn.twilio.com"]),
        ({"generation": "1"}, ["chunderw-vpc-gll.twilio.com"]),
        ({"protocol": "sip"}, ["a.pbx.example", "b.pbx.example"]),
    ],
)
def test_the_names_are_those_that_the_box_registers_with(settings: dict[str, Any], hosts: list[str]) -> None:
    config = Config()
    sip = replace(config.sip, edges=("wss://a.pbx.example", "wss://b.pbx.example:7443/ws"))
    assert service_hosts(replace(config, sip=sip, signaling=replace(config.signaling, **settings))) == hosts


def test_a_box_of_the_voice_service_connects_when_one_of_its_names_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.kiosk.name_watch.LOOK_S", 0.01)
    known: set[str] = set()

    def getaddrinfo(host: str, *_: Any, **__: Any) -> Any:
        if host not in known:
            asked.append(host)
            raise REFUSED
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("192.0.2.1", 443))]

    monkeypatch.setattr(resolve_module.socket, "getaddrinfo", getaddrinfo)
    asked: list[str] = []
    found = Event()
    hosts = ["voice-js.dublin.twilio.com", "voice-js.ashburn.twilio.com"]
    watch = gevent.spawn(NameWatch(hosts, Noticeboard(Situation(booting=False)), found.set).run, Heartbeat())
    with gevent.Timeout(10):
        while len(asked) < 4:  # each of them was asked for, and the watch goes on
            gevent.sleep(0.01)
    assert not found.is_set()

    known.add("voice-js.ashburn.twilio.com")

    assert found.wait(10)
    watch.kill()

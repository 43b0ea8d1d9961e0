"""A box that starts without a name server says so, and is ready soon after it can look names up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from gevent import socket
from gevent.event import Event

from agent.net import resolve as resolve_module
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

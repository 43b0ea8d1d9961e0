"""A service that has given up clients like us: light, journal and status say what to change, until it takes us."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import gevent
import pytest
from gevent import subprocess

from agent.commands.status import in_words
from agent.signaling.dismissals import MOST
from tests.kiosk.stage import Box, Site
from tests.signaling.server import Peer, Server

ROOT = Path(__file__).parents[2]

Play = Callable[[Peer], None]


class Service:
    """Another voice service than the site's, whose part the test plays; it knows every token."""

    def __init__(self, folder: Path, play: Play) -> None:
        self.server = Server(folder)
        self.play = play
        self._playing = gevent.spawn(self._run)

    def box(self, site: Site) -> Box:
        signaling = replace(site.config().signaling, server=f"127.0.0.1:{self.server.port}",
                            ca_file=str(self.server.ca_file))  # fmt: skip
        return site.box(replace(site.config(), signaling=signaling), ready=False)

    def close(self) -> None:
        self._playing.kill()
        self.server.close()

    def _run(self) -> None:
        while True:
            peer = self.server.accept(120)
            peer.receive()
            self.play(peer)


def deprecate(peer: Peer) -> None:
    peer.send("error", {"error": {"code": 31007, "message": "This JS client version has been deprecated"}})


def close(peer: Peer) -> None:
    peer.close(1000)


def say_close(peer: Peer) -> None:
    peer.send("close")


def abort(peer: Peer) -> None:
    peer.abort()


def welcome(peer: Peer) -> None:
    peer.send("connected")
    peer.receive()
    peer.send("ready")


PLAYS = {"31007": deprecate, "closes": close, "says close": say_close, "breaks off": abort}


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setattr("agent.kiosk.registration.AFTER_CLOSE_S", 0.05)
    folder = tmp_path / "service"
    folder.mkdir()
    service = Service(folder, deprecate)
    yield service
    service.close()


@pytest.mark.parametrize("play", PLAYS.values(), ids=PLAYS)
def test_a_retired_version_is_told_by_light_journal_and_status_until_it_is_taken(
    site: Site, service: Service, play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    service.play = play

    box = service.box(site)

    box.until_shows("error", "offline")
    why = box.status["troubles"]["version"]
    assert "31007" in why if play is deprecate else f"{MOST} times in a row" in why
    assert "latest version" in why
    assert any(line.startswith("trouble") and why in line for line in in_words({**box.status, "parts": {}}))
    assert len([record for record in caplog.records if why in record.getMessage()]) == 1

    service.play = welcome
    if play is deprecate:
        service.server.peers[-1].abort()
    box.until_shows("ready")
    box.until(lambda: not box.status["troubles"], "over it")


def test_a_service_that_restarts_is_no_refusal(site: Site, service: Service) -> None:
    ends: list[Peer] = []

    def restart(peer: Peer) -> None:
        """Close some connections, but never enough of them in a row."""
        ends.append(peer)
        if len(ends) % MOST == 0:
            welcome(peer)
        if len(ends) < 2 * MOST:
            close(peer)

    service.play = restart

    box = service.box(site)

    box.until(lambda: len(ends) == 2 * MOST, "connected so often")
    box.until_shows("ready")
    assert not [told for told in box.story if told.startswith("trouble")]


@pytest.mark.parametrize("play", PLAYS.values(), ids=PLAYS)
def test_a_call_from_the_command_line_says_it_too(site: Site, service: Service, tmp_path: Path, play: Play) -> None:
    service.play = play
    settings = tmp_path / "config.toml"
    settings.write_text(f"""
[signaling]
server = "127.0.0.1:{service.server.port}"
ca_file = "{service.server.ca_file}"
[token]
key_file = "{site.folder / "state" / "api_key.json"}"
[sound]
driver = "none"
""")
    command = [sys.executable, "-m", "agent", "call", "reception", "--config", str(settings)]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60)

    assert done.returncode == 1
    assert "latest version" in done.stderr.decode()

"""A service that has given up clients like us: light, journal and status say what to change, until it takes us."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import gevent
import pytest
from gevent import subprocess

from agent.signaling.dismissals import LEAST
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

    def box(self, site: Site, generation: str) -> Box:
        signaling = replace(site.config().signaling, server=f"127.0.0.1:{self.server.port}", generation=generation,
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


def agent(*words: str) -> subprocess.CompletedProcess[bytes]:
    """A command, in a process of its own."""
    return subprocess.run([sys.executable, "-m", "agent", *words], cwd=ROOT, capture_output=True, timeout=60)


def status_of(site: Site, folder: Path) -> str:
    """What `kiosk-agent status` prints of the running box."""
    settings = folder / "where.toml"
    settings.write_text(f'[service]\ncontrol_socket = "{site.config().service.control_socket}"\n')
    return agent("status", "--config", str(settings)).stdout.decode()


REMEDIES = [("1", 'set signaling.generation = "2"'), ("2", "install its latest version")]
PLAYS = {"31007": deprecate, "closes": close, "says close": say_close, "breaks off": abort}


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    monkeypatch.setattr("agent.kiosk.registration.AFTER_CLOSE_S", 0.05)
    monkeypatch.setattr("agent.signaling.dismissals.LEAST_S", 0.0)
    folder = tmp_path / "service"
    folder.mkdir()
    service = Service(folder, deprecate)
    yield service
    service.close()


@pytest.mark.parametrize(("generation", "remedy"), REMEDIES)
@pytest.mark.parametrize("play", PLAYS.values(), ids=PLAYS)
def test_a_retired_version_is_told_by_light_journal_and_status_until_it_is_taken(
    site: Site,
    service: Service,
    play: Play,
    generation: str,
    remedy: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    service.play = play

    box = service.box(site, generation)

    box.until_shows("error", "offline")
    assert "error" in {light["state"] for light in box.status["lights"].values()}
    why = box.status["troubles"]["version"]
    assert "31007" in why if play is deprecate else "closes each connection" in why
    assert remedy in why
    assert why in status_of(site, tmp_path)
    assert len([record for record in caplog.records if why in record.getMessage()]) == 1

    service.play = welcome
    if play is deprecate:
        service.server.peers[-1].abort()
    box.until_shows("ready")
    box.until(lambda: not box.status["troubles"], "over it")


@pytest.mark.parametrize("generation", ["1", "2"])
def test_a_service_that_restarts_is_no_refusal(site: Site, service: Service, generation: str) -> None:
    ends: list[Peer] = []

    def restart(peer: Peer) -> None:
        """Close some connections, but never enough of them in a row."""
        ends.append(peer)
        if len(ends) % LEAST == 0:
            welcome(peer)
        if len(ends) < 2 * LEAST:
            close(peer)

    service.play = restart

    box = service.box(site, generation)

    box.until(lambda: len(ends) == 2 * LEAST, "connected so often")
    box.until_shows("ready")
    assert not [told for told in box.story if told.startswith("trouble")]


@pytest.mark.parametrize("play", [deprecate, close, say_close])
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

    done = agent("call", "reception", "--config", str(settings))

    assert done.returncode == 1
    assert "latest version" in done.stderr.decode()

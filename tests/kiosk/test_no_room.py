"""No disk, no runtime folder, no journal: the box goes on, and calls work."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import gevent
import pytest

from tests.kiosk.stage import BOX, BOX_HZ, VISITOR_HZ, Box, Phone, Site
from tests.kiosk.test_process import ROOT, SETTINGS

PLACES = ("TMPDIR", "XDG_RUNTIME_DIR", "RUNTIME_DIRECTORY", "STATE_DIRECTORY", "HOME")
FULL = Path("/dev/full")  # takes nothing: ENOSPC


def nowhere(folder: Path) -> Path:
    """A folder that nobody can make."""
    file = folder / "file"
    file.touch()
    return file / "run"


def full(folder: Path) -> Path:
    """One that lets itself be made, but nothing more."""
    return Path("/proc/self/fdinfo") if os.geteuid() == 0 else nowhere(folder)


@pytest.fixture(params=[nowhere, full])
def box(site: Site, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Box:
    """One that can write nowhere, neither in its folders nor in the one for temporary files."""
    folder = request.param(site.folder)
    for name in PLACES:
        monkeypatch.setenv(name, str(folder))
    config = site.config()
    where = replace(config.service, control_socket=str(folder / "control.sock"), state_dir=str(folder / "state"))
    return site.box(replace(config, service=where, page=replace(config.page, enabled=True, listen="127.0.0.1:0")))


def test_a_box_without_a_place_to_write_registers_and_calls(site: Site, box: Box) -> None:
    visitor = site.phone()

    visitor.dial()
    box.until_shows("ringing")
    box.press("accept")

    box.until_shows("in_call")
    box.until_hears(VISITOR_HZ)
    visitor.until_hears(BOX_HZ)
    box.until(lambda: any("control" in why for why in box.status["troubles"].values()), "named the trouble")


def test_its_door_opens_and_locks_whoever_guesses(site: Site, box: Box) -> None:
    box.act("door")
    box.until_shows("door_open")
    visitor = site.phone()
    visitor.dial()
    box.until_shows("ringing")
    box.press("accept")
    visitor.until_told("accept")
    visitor.until_hears(BOX_HZ)

    visitor.call.send_digits("8888w9999")

    box.until(lambda: box.status["door"]["locked"], "locked")


@pytest.fixture
def alone(site: Site) -> Iterator[Callable[[int], subprocess.Popen[bytes]]]:
    """Starts a `kiosk-agent run` whose words go there, and which has no runtime folder."""
    settings = site.folder / "box.toml"
    text = SETTINGS.format(server=site.switchboard.address.server, folder=site.folder)
    settings.write_text(text[: text.index("[service]")])
    environ = {**os.environ, **dict.fromkeys(PLACES, str(nowhere(site.folder)))}
    started: list[subprocess.Popen[bytes]] = []

    def start(words: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "agent", "run", "--config", str(settings)]
        started.append(subprocess.Popen(command, cwd=ROOT, env=environ, stdout=words, stderr=words))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_a_process_whose_journal_is_full_takes_calls(
    site: Site, alone: Callable[[int], subprocess.Popen[bytes]]
) -> None:
    with FULL.open("wb") as words:
        process = alone(words.fileno())
    takes_a_call(site, process)


def test_a_process_whose_journal_is_gone_takes_calls(
    site: Site, alone: Callable[[int], subprocess.Popen[bytes]]
) -> None:
    reader, writer = os.pipe()
    process = alone(writer)
    os.close(writer)
    os.close(reader)
    takes_a_call(site, process)


def takes_a_call(site: Site, process: subprocess.Popen[bytes]) -> None:
    visitor: Phone = site.phone()
    with gevent.Timeout(60):
        while not any(client.stays for client in site.switchboard.switchboard.registry.of(BOX)):
            assert process.poll() is None, "it ended"
            gevent.sleep(0.1)
    visitor.dial()
    visitor.until_told("accept")
    assert process.poll() is None

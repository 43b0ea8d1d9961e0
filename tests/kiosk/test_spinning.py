"""A part that spins, or leaks: nothing in the process can help, so the process ends, and the next one works.

systemd is played by bench/rig/service.py, which restarts and watches as the unit says. The faults are put into a real
`kiosk-agent run` from outside, on a signal.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator

import gevent
import pytest

from agent.errors import ControlError
from agent.service.control_client import ControlClient
from bench.rig import service as rig
from tests.kiosk.stage import Site
from tests.kiosk.test_process import SETTINGS

PATIENCE_S = 90.0
FILES = 400
# What the process does on SIGUSR1; a second life has no fault, as the file is gone then.
FAULTS = '''
import os, signal, sys
from agent.supervision import growth, supervisor
growth.LOOK_S = 0.1
broken = []

def spin(*_):
    while True:
        pass

def leak(*_):
    broken.append([os.open("/dev/null", os.O_RDONLY) for _ in range(10)])

fault = {"spin": spin, "leak": leak}[sys.argv.pop(1)]
part = sys.argv.pop(1)
signal.signal(signal.SIGUSR1, lambda *_: broken.append(part))
child, organ = supervisor.Supervisor.child, supervisor.Supervisor.organ

def strange_child(self, name, run, *more, **options):
    def runs(heartbeat):
        beat = heartbeat.beat
        def beats():
            if name == part and broken:
                fault()
            beat()
        heartbeat.beat = beats
        run(heartbeat)
    child(self, name, runs, *more, **options)

def strange_organ(self, name, age_s, *more, **options):
    def asked():
        if name == part and broken:
            fault()
        return age_s()
    organ(self, name, asked, *more, **options)

supervisor.Supervisor.child, supervisor.Supervisor.organ = strange_child, strange_organ
from agent.cli import main
sys.exit(main())
'''


class Box:
    """A `kiosk-agent run` with a fault in one part, kept alive as by systemd."""

    def __init__(self, site: Site, fault: str, part: str) -> None:
        self._site = site
        self._part = part
        settings = site.folder / "box.toml"
        settings.write_text(SETTINGS.format(server=site.switchboard.address.server, folder=site.folder))
        (site.folder / "faults.py").write_text(FAULTS)
        program = [sys.executable, str(site.folder / "faults.py"), fault, part, "run", "--config", str(settings)]
        limited = ["sh", "-c", f'ulimit -n {FILES}; exec "$@"', "sh", *program]
        self.service = rig.Service(limited, site.folder / "box.log", {"PYTHONPATH": str(rig.UNIT.parents[1])})
        self.service.log.touch()
        self.service.start()

    def until_ready(self, lives: int) -> dict[str, object]:
        """Wait until it is registered, after so many ends."""
        with gevent.Timeout(PATIENCE_S, AssertionError(f"never ready: {self.log[-4000:]}")):
            while True:
                status = self._status() if len(self.service.statuses) == lives else {}
                if "ready" in status.get("states", ()):
                    return status
                gevent.sleep(0.05)

    def _status(self) -> dict[str, object]:
        try:
            with ControlClient(str(self._site.folder / "run" / "control.sock")) as client:
                return dict(client.request("status", timeout_s=1.0))
        except ControlError:
            return {}

    @property
    def log(self) -> str:
        return self.service.log.read_text()


@pytest.fixture
def make_box(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], Box]]:
    monkeypatch.setattr(rig, "WATCHDOG_S", 4.0)
    made: list[Box] = []

    def make(fault: str, part: str) -> Box:
        made.append(Box(site, fault, part))
        made[-1].until_ready(lives=0)
        return made[-1]

    yield make
    for box in made:
        box.service.close()


@pytest.mark.parametrize("part", ["name watch", "door"], ids=["child", "organ"])
def test_a_part_that_spins_is_ended_by_the_watchdog_and_the_next_life_works(
    make_box: Callable[[str, str], Box], part: str
) -> None:
    box = make_box("spin", part)

    box.service.send(signal.SIGUSR1)

    box.until_ready(lives=1)
    assert box.service.barks == 1
    assert box.service.statuses[0] != 0
    assert "in spin" in box.log  # the last words name what it was at


def test_a_part_that_leaks_lets_the_process_end_by_itself_before_anything_is_short(
    make_box: Callable[[str, str], Box],
) -> None:
    box = make_box("leak", "door")

    box.service.send(signal.SIGUSR1)

    box.until_ready(lives=1)
    assert (box.service.statuses[0], box.service.barks) == (1, 0)
    assert "it has grown to" in box.log
    assert "Too many open files" not in box.log

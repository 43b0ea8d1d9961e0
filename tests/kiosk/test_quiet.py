"""What fails for a whole day writes at most 200 kB of journal: counted in bytes, over as many tries as a day has.

The pauses between two tries are shortened, and so are those between two lines of what is told seldom.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import gevent
import pytest

from agent.config.settings_file import SettingsFile
from agent.kiosk import unattended as unattended_module
from agent.kiosk.kiosk import Kiosk
from agent.kiosk.unattended import LONGEST_PAUSE_S, Unattended
from agent.service.journal import SafeFormatter
from agent.service.starts import DAY_S, pause_before_start_s
from hw.errors import PinError
from tests.kiosk.stage import Site
from tests.kiosk.test_process import Agent

MOST_BYTES = 200_000
LINE = "%(asctime)s.123 %(levelname)s %(name)s: %(message)s"


class Written(logging.Handler):
    """Counts what the journal would get of the shipped level."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(SafeFormatter(LINE))
        self.bytes = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.bytes += len(self.format(record)) + 1


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[Written]:
    handler, root = Written(), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield handler
    root.setLevel(before)
    root.removeHandler(handler)


def until(happened: Callable[[], object]) -> None:
    with gevent.Timeout(60):
        while not happened():
            gevent.sleep(0.001)


def wrong_settings(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text('[token]\nurl = "https://tokens.invalid/kiosk"\n[lights.status]\npin = 24\nready = "sparkle"\n')


def denied_pins(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text('[box]\npins = "mock"\n[token]\nurl = "https://tokens.invalid/kiosk"\n')

    def denied(*_: object) -> Kiosk:
        raise PinError("this user may not use /dev/gpiochip0: Permission denied; add it to the group gpio")

    monkeypatch.setattr(unattended_module, "Kiosk", denied)


def missing_authority(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text('[token]\nurl = "https://tokens.invalid/kiosk"\n[signaling]\nca_file = "nowhere.pem"\n')


@pytest.mark.parametrize("broken", [wrong_settings, denied_pins, missing_authority])
def test_a_day_of_a_box_that_cannot_be_made_is_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: Written, broken: Callable[..., None]
) -> None:
    for name in ("RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setattr(unattended_module, "FIRST_PAUSE_S", 0.001)
    monkeypatch.setattr(unattended_module, "LONGEST_PAUSE_S", 0.001)
    broken(tmp_path / "box.toml", monkeypatch)
    service = Unattended(SettingsFile(tmp_path / "box.toml"), lambda _kiosk: 0)
    tries, make = [], service._make

    def counted() -> Kiosk:
        tries.append(1)
        return make()

    monkeypatch.setattr(service, "_make", counted)
    running = gevent.spawn(service.run)
    until(lambda: len(tries) > 100)
    running.kill()

    each = written.bytes / len(tries)
    assert each > 0
    assert each * DAY_S / LONGEST_PAUSE_S <= MOST_BYTES


def test_a_day_without_a_network_is_short(site: Site, monkeypatch: pytest.MonkeyPatch, written: Written) -> None:
    monkeypatch.setattr("agent.log.SELDOM_S", 0.0)  # what is told once a minute counts each time
    config = site.config()
    box = site.box(replace(config, signaling=replace(config.signaling, backoff_max_ms=10)))
    site.stop()
    box.until_shows("offline")
    written.bytes = 0

    box.until_told("error 31005", 5)

    tries_a_day = DAY_S / 10  # at the longest pause there are fewer
    assert written.bytes / 5 * tries_a_day <= MOST_BYTES


def test_a_day_of_a_program_that_ends_at_once_again_and_again_is_short(tmp_path: Path) -> None:
    """As one ends that meets another agent; systemd starts it half a second after each end."""
    settings = tmp_path / "box.toml"
    settings.write_text('[box]\npins = "mock"\n[token]\nurl = "https://tokens.invalid/kiosk"\n'
                        '[sound]\ndriver = "none"\n'
                        f'[service]\ncontrol_socket = "{tmp_path}/run/control.sock"\n')  # fmt: skip
    settings.chmod(0o600)
    environ = {"RUNTIME_DIRECTORY": str(tmp_path), "NOTIFY_SOCKET": ""}
    first = Agent("run", "--config", str(settings), **environ)
    first.until_logs("sound open")
    second = Agent("run", "--config", str(settings), **environ)
    assert second.wait() == 1
    first.close()

    bytes_a_life = sum(len(line) + 1 for line in second.err)
    assert bytes_a_life > 0
    assert bytes_a_life * starts_in_a_day() <= MOST_BYTES


def starts_in_a_day() -> int:
    """How often a program is started in its worst day that ends at once."""
    now, starts = 0.0, list[float]()
    while now < 2 * DAY_S:
        now += pause_before_start_s(starts[-31:], now) + 0.5
        starts.append(now)
    return max(sum(at <= start < at + DAY_S for start in starts) for at in starts)

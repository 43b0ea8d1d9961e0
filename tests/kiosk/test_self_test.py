"""The self-test on demand: beside the box, one at a time, told as it comes along, and ended whatever it does."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent.event import Event

from agent.errors import InvalidStateError
from agent.kiosk import self_test
from agent.kiosk.self_test import SelfTest
from tests.kiosk.settings_text import HEAD
from tests.kiosk.stage import Box, Phone, Site

PATIENCE_S = 90.0
SETTINGS = HEAD + """\
[page]
enabled = false
"""


def write_settings(site: Site) -> Path:
    path = site.folder / "config.toml"
    path.write_text(SETTINGS.format(server=site.switchboard.address.server, folder=site.folder))
    return path


class Doctor:
    """A self-test, and how far it was at each change."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self._changed = Event()
        self.test = SelfTest(self._note)
        self.test.settings = Path("nowhere.toml")

    def _note(self) -> None:
        self.seen.append(self.test.describe())
        self._changed.set()

    def until(self, *states: str) -> dict[str, Any]:
        with gevent.Timeout(PATIENCE_S, AssertionError(f"never {states}")):
            while self.test.describe()["state"] not in states:
                self._changed.wait()
                self._changed.clear()
        return self.test.describe()


def says(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Let a program of its own stand in for the doctor."""
    monkeypatch.setattr(self_test, "COMMAND", ("-c", program))


def test_it_runs_beside_a_box_in_a_call_and_disturbs_nothing(site: Site, box: Box, visitor: Phone) -> None:
    box.kiosk.upkeep.self_test.settings = write_settings(site)
    visitor.dial()
    box.until_shows("ringing")
    box.press("accept")
    box.until_shows("in_call")
    box.kiosk.box.run_doctor()
    with pytest.raises(InvalidStateError, match="already"):
        box.kiosk.box.run_doctor()
    box.until(lambda: box.kiosk.box.doctor()["state"] != "running", "tested", PATIENCE_S)
    found = box.kiosk.box.doctor()
    assert (found["state"], found["problem"]) == ("done", "")
    outcomes = {check["name"]: check["outcome"] for check in found["checks"]}
    assert outcomes["registration"] == outcomes["media"] == "ok"
    assert {name for name, outcome in outcomes.items() if outcome == "skipped"} == {
        "pins", "sound devices", "tone test",
    }  # fmt: skip
    assert "failed" not in outcomes.values()
    assert "in_call" in box.states
    assert "disconnect" not in visitor.story
    box.press("hangup")
    box.until_calm()


def test_each_check_is_told_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = [{"name": name, "outcome": "ok", "detail": "fine", "remedy": ""} for name in ("one", "two")]
    lines = [line for check in checks for line in ({"testing": check["name"]}, check)]
    says(monkeypatch, f"import json\nfor line in {lines!r}: print(json.dumps(line), flush=True)")
    doctor = Doctor()
    doctor.test.begin()
    assert doctor.until("done")["checks"] == checks
    told = [(one["testing"], len(one["checks"])) for one in doctor.seen]
    assert [one for one in told if one[0]] == [("one", 0), ("two", 1)]


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("", "said nothing"),
        ("raise SystemExit(2)", "ended with status 2"),
        ("print('hello')", ""),
        ("print('[]')", "no line of a self-test"),
        ("print('x' * 100_000)", ""),
    ],
)
def test_what_does_not_speak_as_a_self_test_is_broken(
    monkeypatch: pytest.MonkeyPatch, program: str, why: str
) -> None:
    says(monkeypatch, program)
    doctor = Doctor()
    doctor.test.begin()
    found = doctor.until("done", "broken")
    assert found["state"] == "broken"
    assert why in found["problem"]
    doctor.test.begin()  # the next one may begin
    doctor.until("done", "broken")


def test_whoever_talks_without_end_is_ended_and_fills_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(self_test, "RUN_S", 3.0)
    monkeypatch.setattr(self_test, "LINES_PER_S", 1000.0)
    says(monkeypatch, "import json\nwhile True: print(json.dumps({'name': 'x' * 5000, 'outcome': 'ok'}))")
    doctor = Doctor()
    doctor.test.begin()
    found = doctor.until("done", "broken")
    assert "took more than 3 s" in found["problem"]
    assert len(found["checks"]) <= self_test.MOST_CHECKS


def test_what_it_says_is_printable(monkeypatch: pytest.MonkeyPatch) -> None:
    line = json.dumps({"name": "a\x1b[2J", "outcome": "ok", "detail": "b\u202ec", "remedy": "d\ne"})
    says(monkeypatch, f"print({line!r})")
    doctor = Doctor()
    doctor.test.begin()
    (check,) = doctor.until("done")["checks"]
    assert all(text.isprintable() for text in check.values())


def test_its_process_ends_with_the_box(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    says(monkeypatch, "import json, os, time\nprint(json.dumps({'testing': str(os.getpid())}), flush=True)\n"
                      "time.sleep(600)")  # fmt: skip
    doctor = Doctor()
    doctor.test.begin()
    with gevent.Timeout(PATIENCE_S, AssertionError("it never began")):
        while not (pid := doctor.test.describe()["testing"]):
            doctor._changed.wait()
            doctor._changed.clear()
    doctor.test.close()
    assert doctor.until("broken")["problem"] == "it was ended before it was done"
    with gevent.Timeout(PATIENCE_S, AssertionError("its process lives on")):
        while Path(f"/proc/{pid}").exists() and os.getpid() != int(pid):
            gevent.sleep(0.02)


def test_a_box_without_a_file_has_nothing_to_test(box: Box) -> None:
    with pytest.raises(InvalidStateError, match="file of settings"):
        box.kiosk.box.run_doctor()
    assert box.kiosk.box.doctor()["state"] == "never"

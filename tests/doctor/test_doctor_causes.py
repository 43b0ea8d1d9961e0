"""One cause has one remedy, the first that helps; and nobody waits in silence."""

from __future__ import annotations

import dataclasses
import errno
import io
import threading
from typing import Any

import pytest

from agent.config import Config
from agent.config.settings import BoxSettings
from agent.doctor import Outcome, all_checks, needs, network, progress, run
from agent.doctor.checklist import Check, as_json, as_text, failed, ok
from agent.doctor.progress import Progress
from agent.media.bridge import Bridge
from agent.signaling.settings import SignalingSettings
from hw.sound.settings import SoundSettings
from hw.sound.wav_sound import WavSound


def test_what_needs_something_broken_is_not_tried_and_has_no_remedy_of_its_own() -> None:
    tried: list[str] = []

    def test(name: str, check: Check) -> tuple[str, Any]:
        return name, lambda: tried.append(name) or check

    tests = [test("a", failed("a", "broken", "mend a")), test("b", ok("b", "")), test("c", ok("c", "")),
             test("d", ok("d", ""))]  # fmt: skip

    checks = {check.name: check for check in run(tests, needs={"b": ("a",), "c": ("b",), "d": ()})}

    assert tried == ["a", "d"]
    assert [checks[name].outcome for name in "abcd"] == [Outcome.FAILED, Outcome.SKIPPED, Outcome.SKIPPED, Outcome.OK]
    assert checks["b"].detail == "not tried before a is mended"
    assert [check.remedy for check in checks.values() if check.remedy] == ["mend a"]


def report(site: Any, bridge: Bridge, **signaling: str) -> list[Check]:
    config = dataclasses.replace(
        Config(), box=BoxSettings(pins="mock"), sound=SoundSettings(driver="none"),
        signaling=dataclasses.replace(site.settings, **signaling),
    )  # fmt: skip
    tests = all_checks(config, lambda: site.switchboard.mint("lobby"), WavSound, lambda: bridge)
    return list(run(tests, needs=needs(config)))


@pytest.mark.parametrize(
    ("signaling", "cause", "remedy"),
    [
        ({"server": "127.0.0.1:1"}, "server", "start the switchboard there, or correct signaling.server"),
        ({"server": "no-such-box.invalid:8443"}, "dns", "check signaling.server, then `resolvectl status`"),
        ({"ca_file": ""}, "tls", "check signaling.ca_file and the name in signaling.server"),
        ({"ca_file": __file__}, "tls", "set signaling.ca_file to the PEM file of the server's authority"),
    ],
    ids=["server down", "unknown name", "unknown authority", "no PEM"],
)
def test_one_cause_has_one_remedy(
    site: Any, bridge: Bridge, signaling: dict[str, str], cause: str, remedy: str
) -> None:
    checks = report(site, bridge, **signaling)

    (broken,) = [check for check in checks if check.outcome is Outcome.FAILED]
    assert broken.name == cause
    assert broken.remedy.endswith(remedy)
    after = [check for check in checks if check.outcome is Outcome.SKIPPED]
    assert "registration" in [check.name for check in after]
    assert not any(check.remedy for check in after)


@pytest.mark.parametrize(
    ("number", "is_firewall"),
    [(errno.ECONNREFUSED, False), (errno.ENETUNREACH, False), (errno.EHOSTUNREACH, False), (errno.ETIMEDOUT, True)],
)
def test_only_silence_may_be_a_firewall(monkeypatch: pytest.MonkeyPatch, number: int, is_firewall: bool) -> None:
    def refused(*_: object) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr(network, "dial", refused)

    check = network.check_server(SignalingSettings(server="box.lan:8443"))

    assert ("firewall" in check.remedy) is is_firewall
    assert "signaling.server" in check.remedy


class Terminal(io.StringIO):
    """Where progress is written, and an event for each write."""

    def __init__(self, is_terminal: bool) -> None:
        super().__init__()
        self.wrote = threading.Event()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal

    def write(self, text: str) -> int:
        self.wrote.set()
        return super().write(text)


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_check_that_takes_long_is_named_while_it_runs(monkeypatch: pytest.MonkeyPatch, is_terminal: bool) -> None:
    monkeypatch.setattr(progress, "FIRST_S", 0.01)
    out = Terminal(is_terminal)

    with Progress(out) as shown:
        shown.begin("tone test")
        assert out.wrote.wait(10)

    assert "testing  tone test" in out.getvalue()
    assert out.getvalue().endswith("\x1b[K" if is_terminal else "s\n")


def test_progress_into_a_closed_pipe_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "FIRST_S", 0.01)
    tried = threading.Event()

    class Closed(Terminal):
        def write(self, text: str) -> int:
            tried.set()
            raise BrokenPipeError

    with Progress(Closed(False)) as shown:
        shown.begin("dns")
        assert tried.wait(10)


def test_a_check_shows_no_control_characters_of_others() -> None:
    check = failed("registration", "31000: \x1b[2J\r\nok  forged", "look")

    assert all(line.isprintable() for line in as_text(check).splitlines())
    assert len(as_text(check).splitlines()) == 2
    assert "\\u001b" not in as_json([check])

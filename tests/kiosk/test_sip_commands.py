"""The commands of a box at a PBX, as somebody types them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.cli import main
from tests.kiosk.pbx_stage import Pbx, foreign_words
from tests.signaling.sip.edge import DOMAIN, SECRETS

SETTINGS = """
[box]
identity = "kiosk"
pins = "mock"
[signaling]
protocol = "sip"
ca_file = "ca.pem"
[sip]
edges = ["{edge}"]
domain = "{domain}"
secret_file = "password"
[sound]
driver = "none"
[page]
listen = "127.0.0.1:0"
[answering]
max_ring_s = 5
[service]
control_socket = "{folder}/run/control.sock"
[directory.house]
targets = ["nobody", "desk"]
ring = "all"
"""


@pytest.fixture
def pbx(tmp_path: Path) -> Iterator[Pbx]:
    pbx = Pbx(tmp_path)
    write_private(tmp_path / "password", SECRETS["kiosk"])
    write_private(tmp_path / "box.toml", SETTINGS.format(edge=pbx.edge.uri, domain=DOMAIN, folder=tmp_path))
    yield pbx
    pbx.close()


@pytest.fixture
def settings(pbx: Pbx) -> str:
    return str(pbx.folder / "box.toml")


def write_private(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Status, output and errors of one command, none of which has a foreign word or a secret."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    status = main(words)
    root.handlers[:] = handlers
    root.setLevel(level)
    out, err = capsys.readouterr()
    assert foreign_words(out, err) == []
    assert not any(secret in out + err for secret in SECRETS.values())
    return status, out, err


def test_a_call_is_made_without_registering(pbx: Pbx, settings: str, capsys: pytest.CaptureFixture[str]) -> None:
    phone = pbx.phone()
    phone.device.on("incoming", lambda call: call.accept())

    status, out, err = run(capsys, "call", "desk", "--config", settings, "--seconds", "0.5", "--param", "Floor=2")

    assert (status, err) == (0, "")
    assert "answered" in out and "hung up here after 0.5 s" in out
    assert phone.calls[-1].custom_parameters == {"Floor": "2"}
    assert pbx.edge.boxes("kiosk") == []


def test_an_entry_of_the_directory_rings_all_of_its_targets(
    pbx: Pbx, settings: str, capsys: pytest.CaptureFixture[str]
) -> None:
    phone = pbx.phone()
    phone.device.on("incoming", lambda call: call.accept())

    status, out, err = run(capsys, "call", "house", "--config", settings, "--seconds", "0.2")

    assert (status, err) == (0, "")
    assert out.splitlines()[0] == "calling nobody,desk"
    assert "answered" in out


@pytest.mark.parametrize(
    ("whom", "told"),
    [("nobody", "nobody did not answer"), ("sip:desk@", "cannot be called: at place 10"), ("http:x", "at place 5")],
)
def test_a_call_that_does_not_come_about_says_why(
    pbx: Pbx, settings: str, capsys: pytest.CaptureFixture[str], whom: str, told: str
) -> None:
    status, _out, err = run(capsys, "call", whom, "--config", settings)

    assert status == 1 and told in err


@pytest.mark.parametrize(("status", "told"), [(486, "busy"), (480, "does not answer"), (603, "does not want it")])
def test_a_call_that_nobody_takes_says_how(
    pbx: Pbx, settings: str, capsys: pytest.CaptureFixture[str], status: int, told: str
) -> None:
    pbx.site.refuses["INVITE"] = (status, "No")

    failed, _out, err = run(capsys, "call", "desk", "--config", settings)

    assert failed == 1 and told in err and str(31000 + status) in err


def test_a_wrong_password_ends_a_call_at_once(pbx: Pbx, settings: str, capsys: pytest.CaptureFixture[str]) -> None:
    write_private(pbx.folder / "password", "wrong-words")

    status, _out, err = run(capsys, "call", "desk", "--config", settings)

    assert status == 1 and "Check user, domain and secret in [sip]" in err


def test_a_pbx_that_is_not_there_is_told(pbx: Pbx, settings: str, capsys: pytest.CaptureFixture[str],
                                         monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr("agent.kiosk.single_call.CONNECT_WITHIN_S", 1.0)
    pbx.edge.kill()

    status, _out, err = run(capsys, "call", "desk", "--config", settings)

    assert status == 1 and "the PBX is not reached" in err and "check [sip]" in err


def test_settings_are_checked(settings: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "check", settings) == (0, f"{settings}: ok\n", "")


def test_the_self_test_is_printed(settings: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _err = run(capsys, "doctor", "--config", settings)

    registration = next(line for line in out.splitlines() if "registration" in line)
    assert registration.startswith("ok") and "sip:kiosk@pbx.test is registered" in registration
    assert status in (0, 1)  # the sound card, or the network, of the machine may be missing

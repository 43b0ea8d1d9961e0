"""`switchboard box` and `switchboard authority`, as somebody types them."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.cli import main
from agent.config import load
from agent.errors import ConfigError
from agent.files import make_private_folder, write_private
from agent.switchboard.box_keys import BoxKeys
from agent.switchboard.state_dir import StateDir, load_api_key

BOXES = Path(__file__).parents[2] / "examples" / "boxes"


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The state folder of a switchboard that was started once; commands run beside it."""
    monkeypatch.chdir(tmp_path)
    StateDir(tmp_path / "state", ("localhost",), dt.datetime.now(dt.UTC))
    return tmp_path / "state"


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Status of a command, and what it said."""
    status = main(("switchboard", *words))
    said = capsys.readouterr()
    return status, said.out + said.err


def test_a_box_gets_a_file_of_its_own_that_only_its_owner_reads(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = os.umask(0)
    try:
        status, said = run(capsys, "box", "add", "door", "--state-dir", str(state))
    finally:
        os.umask(before)
    file = Path("door.json")
    assert status == 0 and "door.json" in said
    assert file.stat().st_mode & 0o777 == 0o600
    key, site = json.loads(file.read_text()), load_api_key(state)
    assert key["identity"] == "door" and key["account_sid"] == site.account_sid
    assert key["secret"] != site.secret and key["secret"] not in said


def test_one_file_is_a_box_and_its_switchboard_which_makes_what_the_box_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the first lines of the example say, in a folder that has nothing but the example."""
    site = tmp_path / "site"
    site.mkdir()
    settings = site / "own_switchboard.toml"
    settings.write_text((BOXES / settings.name).read_text())
    settings.chmod(0o600)
    with pytest.raises(ConfigError, match=r"ca\.pem does not"):
        load(settings)

    monkeypatch.chdir(tmp_path)  # names start at the folder of the settings, wherever somebody stands
    command = ["-m", "agent", "switchboard", "--config", str(settings), "--listen", "127.0.0.1:0"]
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, cwd=tmp_path, text=True,
                          env=os.environ | {"PYTHONPATH": str(BOXES.parents[1])}) as process:  # fmt: skip
        assert process.stdout is not None
        assert "ready\n" in iter(process.stdout.readline, "")
        process.terminate()
        assert process.wait(30) == 0
    monkeypatch.chdir(site)
    assert run(capsys, "--config", settings.name, "box", "add", "workshop")[0] == 0

    assert load(settings).token.key_file == str(site / "workshop.json")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["site"]


def test_a_slip_in_what_the_switchboard_reads_is_told_and_none_in_what_is_a_boxs(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "site.toml"
    settings.write_text('[switchboard]\nlisten_prt = 1\n[swichboard]\n[buttons.bell]\npin = "x"\n')

    status, said = run(capsys, "--config", "site.toml", "box", "list")

    assert status == 2
    assert [line.split(": ")[-2:] for line in said.splitlines()] == [
        ["switchboard.listen_prt", 'unknown key; did you mean "listen_port"?'],
        ["swichboard", 'unknown key; did you mean "switchboard"?'],
    ]


def test_names_are_listed_and_taken_back_wherever_the_folder_is_named(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "site.toml").write_text('[switchboard]\nstate_dir = "state"\n')
    assert run(capsys, "--config", "site.toml", "box", "add", "gate/2", "--to", "gate.json")[0] == 0
    assert run(capsys, "--state-dir", "state", "box", "add", "door")[0] == 0
    assert run(capsys, "box", "list", "--config", "site.toml") == (0, "door\ngate/2\n")
    assert run(capsys, "box", "remove", "door", "--state-dir", "state") == (0, "")
    assert [key.identity for key in BoxKeys(state).all()] == ["gate/2"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("box", "add", "gate/2"), "choose one with --to"),
        (("box", "add", "echo"), "the switchboard itself answers"),
        (("box", "add", "door", "--to", "state"), "choose another file with --to"),
        (("box", "add", "door", "--to", "nowhere/door.json"), "choose another file with --to"),
        (("box", "remove", "door"), "has no credential"),
        (("authority", "switch"), "add one first"),
        (("authority", "forget"), "add one first"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(
    state: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], why: str
) -> None:
    before = sorted((path, path.read_bytes()) for path in state.rglob("*") if path.is_file())
    status, said = run(capsys, *words, "--state-dir", "state")
    assert status != 0 and why in said
    assert sorted((path, path.read_bytes()) for path in state.rglob("*") if path.is_file()) == before


def test_a_folder_that_is_no_switchboards_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (("box", "add", "door"), ("authority", "add")):
        status, said = run(capsys, *words, "--state-dir", str(tmp_path))
        assert status == 2 and "is no switchboard's state folder" in said
    assert list(tmp_path.iterdir()) == []


def test_the_authority_is_changed_in_three_steps(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = (state / "ca.pem").read_bytes()
    for act, count in (("add", 2), ("switch", 2), ("forget", 1)):
        assert run(capsys, "authority", act, "--state-dir", "state")[0] == 0
        assert (state / "ca.pem").read_bytes().count(b"BEGIN CERTIFICATE") == count
    assert (state / "ca.pem").read_bytes() != first


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, which works on the folder of a service")
def test_what_root_writes_belongs_to_the_service(tmp_path: Path) -> None:
    os.chown(tmp_path, 4242, 4242)
    write_private(make_private_folder(tmp_path / "boxes") / "SK1.json", b"{}")
    for path in (tmp_path / "boxes", tmp_path / "boxes" / "SK1.json"):
        assert (path.stat().st_uid, path.stat().st_gid) == (4242, 4242)

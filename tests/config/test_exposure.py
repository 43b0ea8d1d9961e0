"""What every user of the machine may read or write is told by `check` and refused by `run`; what is weak is told."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent import cli
from agent.config import load
from agent.config.exposure import secret_keys
from agent.files import write_private
from agent.switchboard.runner import mint_for

KEY = '[box]\npins = "mock"\n[token]\nkey_file = "state/api_key.json"\n'
SECRETS = {
    "door.code": KEY + '[door]\npin = 26\ncode = "9275031"\n',
    "page.password": KEY + '[page]\npassword = "correct horse"\n',
    "token.url": KEY.replace('key_file = "state/api_key.json"', 'url = "https://x.example.org/?key=unspeakable"'),
    "token.api_key_secret": KEY.replace('key_file = "state/api_key.json"', f'account_sid = "AC{"0" * 32}"\n'
                                        f'api_key_sid = "SK{"0" * 32}"\napi_key_secret = "{"unspeakable" * 3}"'),
    "media.ice_servers.credential": KEY + '[[media.ice_servers]]\nurls = ["turn:x"]\n'
                                   'username = "u"\ncredential = "c"\n',
}  # fmt: skip


@pytest.fixture
def path(tmp_path: Path) -> Path:
    mint_for(str(tmp_path / "state"), "me", 60)
    (tmp_path / "state" / "authority.pem").touch()  # it is that of a switchboard here
    return tmp_path / "config.toml"


@pytest.fixture(autouse=True)
def this_process_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here `run` is no process of its own: the log, and what nobody catches, are those of all tests."""
    monkeypatch.setattr("agent.commands.run._prepare", lambda _level: None)


def check(path: Path, capsys: Any, *words: str) -> tuple[int, str, str]:
    status = cli.main(["check", str(path), *words])
    told = capsys.readouterr()
    return status, told.out, told.err


def run(path: Path, capsys: Any) -> tuple[int, str]:
    status = cli.main(["run", "--config", str(path)])
    return status, capsys.readouterr().err


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o664])
@pytest.mark.parametrize("key", SECRETS)
def test_secrets_that_every_user_may_read_are_refused_and_not_told(
    path: Path, capsys: Any, key: str, mode: int
) -> None:
    path.write_text(SECRETS[key])
    path.chmod(mode)

    status, _, err = check(path, capsys)

    assert status == 2
    assert f" {key}: every user of this machine may read this; chmod o-r {path}" in err
    assert not any(secret in err for secret in ("9275031", "correct horse", "unspeakable"))
    assert run(path, capsys) == (2, err.replace("kiosk-agent check", "kiosk-agent run"))
    assert check(path, capsys, "--trust-settings")[0] == 0


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o660])
@pytest.mark.parametrize("key", SECRETS)
def test_secrets_for_one_user_and_one_group_are_taken(path: Path, capsys: Any, key: str, mode: int) -> None:
    path.write_text(SECRETS[key])
    path.chmod(mode)

    assert check(path, capsys)[::2] == (0, "")


@pytest.mark.parametrize("source", ['command = ["echo", "x"]', 'url = "https://x.example.org/token"', "",
                                    f'command = ["echo"]\n[api.keys.a]\nkey_hash = "sha256:{"0" * 64}"'])  # fmt: skip
def test_settings_without_a_secret_may_be_read_by_everybody(path: Path, capsys: Any, source: str) -> None:
    path.write_text(KEY.replace('key_file = "state/api_key.json"', source) if source else KEY)
    path.chmod(0o644)

    assert check(path, capsys) == (0, f"{path}: ok\n", "")


@pytest.mark.parametrize("mode", [0o602, 0o646, 0o666])
def test_settings_that_every_user_may_change_are_refused_whatever_is_in_them(
    path: Path, capsys: Any, mode: int
) -> None:
    path.write_text(KEY)
    path.chmod(mode)

    status, _, err = check(path, capsys)

    assert status == 2
    assert err.startswith(f"kiosk-agent check: {path}: every user of this machine may change it")
    assert run(path, capsys)[0] == 2


def test_settings_that_every_user_may_replace_are_refused_too(path: Path, capsys: Any) -> None:
    path.write_text(KEY)
    path.chmod(0o600)
    path.parent.chmod(0o777)
    assert check(path, capsys)[0] == 2

    path.parent.chmod(0o1777)
    assert check(path, capsys)[0] == 0


@pytest.mark.parametrize("mode", [0o644, 0o602])
def test_a_file_with_the_key_of_tokens_is_looked_at_as_well(path: Path, capsys: Any, mode: int) -> None:
    path.write_text(KEY)
    (path.parent / "state" / "api_key.json").chmod(mode)

    assert "token.key_file: every user of this machine may read or write" in check(path, capsys)[2]


def test_secrets_are_found_in_whatever_part_of_the_settings_they_stand(path: Path) -> None:
    found = set()
    for text in SECRETS.values():
        path.write_text(text)
        found.update(secret_keys(load(path)))

    assert found == set(SECRETS)


@pytest.mark.parametrize(
    ("text", "warned"),
    [
        ('[door]\npin = 26\ncode = "927"\n', ["1,000 codes are soon tried"]),
        ('[door]\npin = 26\ncode = "111"\n', ["1,000 codes", "among the first"]),
        ('[door]\npin = 26\ncode = "1234"\n', ["among the first"]),
        ('[door]\npin = 26\ncode = "98765"\n', ["among the first"]),
        ('[door]\npin = 26\ncode = "90123"\n', ["among the first"]),
        ('[door]\npin = 26\ncode = "92750"\n', []),
        ('[page]\npassword = "92750318"\n', ["digits only"]),
        ('[page]\npassword = "correct horse"\n', []),
    ],
)
def test_what_is_soon_guessed_is_told_with_its_line_and_taken(
    path: Path, capsys: Any, text: str, warned: list[str]
) -> None:
    path.write_text(KEY + text)
    path.chmod(0o600)

    status, out, _ = check(path, capsys)

    *warnings, last = out.splitlines()
    assert (status, last) == (0, f"{path}: ok")
    assert len(warnings) == len(warned)
    assert all(line.startswith(f"warning: {path}:") for line in warnings)
    assert all(words in line for line, words in zip(warnings, warned, strict=True))
    assert text.split('"')[1] not in out.replace(str(path), "")  # pytest counts its folders


def test_a_key_that_was_not_copied_whole_is_told_in_words_of_our_own(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[box]\npins = "mock"\n[token]\naccount_sid = "AC1"\napi_key_sid = "SK1"\n'
                    'api_key_secret = "cut off"\n')  # fmt: skip
    path.chmod(0o600)

    done = subprocess.run([sys.executable, "-m", "agent", "check", str(path)], cwd=Path(__file__).parents[2],
                          capture_output=True, text=True, check=False)  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")  # nothing of what a library thinks of it
    assert ":6: token.api_key_secret: " in done.stdout and "copy it whole" in done.stdout
    assert "cut off" not in done.stdout


@pytest.mark.parametrize(("identity", "beside", "warned"), [("", False, True), ("me", False, False), ("", True, False)])
def test_a_box_that_holds_the_key_of_the_whole_site_is_told_and_taken(
    path: Path, capsys: Any, identity: str, beside: bool, warned: bool
) -> None:
    key = path.parent / "state" / "api_key.json"
    own = json.loads(key.read_text())
    if not beside:
        key = path.parent / "copy.json"
    path.write_text('[box]\nidentity = "me"\npins = "mock"\n[token]\nkey_file = "' + str(key) + '"\n')
    write_private(key, json.dumps({**own, "identity": identity}).encode())
    path.chmod(0o600)

    status, out, _ = check(path, capsys)

    assert status == 0
    assert ("token.key_file: it is the key of the whole site" in out) == warned
    assert "switchboard box add" in out or not warned
    assert own["secret"] not in out

"""What `run` would trip over on this machine is known to `check`."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from agent.config import load_for_box
from agent.config.location import settings_file
from agent.errors import ConfigError
from agent.switchboard.runner import mint_for

GOOD = '[box]\npins = "mock"\n[token]\nkey_file = "state/api_key.json"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the key of a switchboard in it."""
    mint_for(str(tmp_path / "state"), "me", 60)
    return tmp_path


def problems(folder: Path, text: str, *, as_service: bool = False) -> list[str]:
    path = folder / "config.toml"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(ConfigError) as caught:
        load_for_box(path, as_service=as_service)
    return [line.removeprefix(f"{path}:") for line in str(caught.value).splitlines()]


def test_good_settings_pass(folder: Path) -> None:
    (folder / "config.toml").write_text(GOOD)

    assert load_for_box(folder / "config.toml").box.pins == "mock"


@pytest.mark.parametrize(
    ("text", "key", "words"),
    [
        ('[box]\npins = "mock"\n', "token", "no source of access tokens"),
        ('[box]\npins = "mock"\n[token]\ncommand = ["no-such-program-here"]', "token.command", "no such program"),
        ('[box]\npins = "mock"\n[token]\nkey_file = "config.toml"', "token.key_file", "must be JSON"),
        ('[box]\npins = "mock"\n[token]\nfile = "empty"', "token.file", "empty"),
        (GOOD + '[signaling]\nca_file = "bad.pem"', "signaling.ca_file", "no certificate that can be used"),
        (GOOD + '[media]\nturn_ca_file = "bad.pem"', "media.turn_ca_file", "no certificate that can be used"),
        (GOOD + '[[media.ice_servers]]\nurls = ["http://x"]', "media.ice_servers.urls", "turn:turn.example.org:3478"),
        (GOOD + '[[media.ice_servers]]\nurls = ["turns:x?transport=udp"]', "media.ice_servers.urls", "transport=tcp"),
        (GOOD + f'[service]\ncontrol_socket = "/run/{"x" * 100}"', "service.control_socket", "a shorter path"),
        (GOOD.replace('"mock"', '"auto"\nchip = "no-such-chip"'), "box.chip", "no GPIO chip labelled no-such-chip"),
    ],
)
def test_what_this_machine_would_refuse_is_known_beforehand(folder: Path, text: str, key: str, words: str) -> None:
    (folder / "empty").write_text("")
    (folder / "empty").chmod(0o600)
    (folder / "bad.pem").write_text("-----BEGIN CERTIFICATE-----\nMAo=\n-----END CERTIFICATE-----\n")

    (problem,) = problems(folder, text)

    assert f" {key}: " in problem
    assert words in problem


def test_the_service_does_not_see_the_folders_that_its_unit_hides(folder: Path) -> None:
    (problem,) = problems(folder, GOOD, as_service=True)

    assert "token.key_file: the service does not see" in problem


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_another_user_is_told_what_that_user_may_not_read(folder: Path) -> None:
    script = (
        "import os, pwd, sys\n"
        "from agent.config import load_for_box\n"
        "from agent.config.location import become\n"
        "become(pwd.getpwnam('nobody'))\n"
        "sys.meta_path.clear()\n"  # the program may be where that user cannot read it
        "assert os.geteuid() == os.getuid() == pwd.getpwnam('nobody').pw_uid\n"
        "load_for_box(sys.argv[1])\n"
    )
    with tempfile.TemporaryDirectory() as public:
        path = Path(public) / "config.toml"
        path.write_text(GOOD.replace("state/api_key.json", "api_key.json"))
        (Path(public) / "api_key.json").write_bytes((folder / "state" / "api_key.json").read_bytes())
        (Path(public) / "api_key.json").chmod(0o600)
        Path(public).chmod(0o755)

        done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=False)

    assert f"this user may not read {public}/api_key.json" in done.stderr


def test_the_settings_are_those_of_this_folder_else_the_installed_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "etc"
    for each in (here, there):
        each.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setattr("agent.config.location.INSTALLED", there / "config.toml")

    with pytest.raises(ConfigError, match=r"no config\.toml in this folder and no .*etc/config\.toml"):
        settings_file(None)

    (there / "config.toml").write_text("")
    assert settings_file(None) == there / "config.toml"

    (here / "config.toml").write_text("")
    assert settings_file(None) == Path("config.toml")
    assert settings_file(there / "other.toml") == there / "other.toml"

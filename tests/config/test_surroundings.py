"""What is in the way of a box now is known to `check`, and keeps no box from starting."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.config import load_for_box, load_to_check
from agent.errors import ConfigError
from agent.service.control import ControlServer
from agent.switchboard.runner import mint_for

GOOD = (
    '[box]\npins = "mock"\n[token]\nkey_file = "state/api_key.json"\n'
    '[service]\ncontrol_socket = "run/control.sock"\n'
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the key of a switchboard in it, on a machine where no service runs."""
    mint_for(str(tmp_path / "state"), "me", 60)
    (tmp_path / "state" / "authority.pem").touch()  # it is that of a switchboard here
    monkeypatch.setattr("agent.config.surroundings.SERVICE_FOLDER", tmp_path / "run" / "service")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def taken() -> Iterator[int]:
    """A port at which another program listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def problems(folder: Path, text: str) -> list[str]:
    path = folder / "config.toml"
    path.write_text(text)
    path.chmod(0o600)  # some hold secrets
    try:
        load_to_check(path)
    except ConfigError as error:
        return [line.removeprefix(f"{path}:") for line in str(error).splitlines()]
    return []


def test_good_settings_pass_and_nothing_is_made(folder: Path) -> None:
    assert problems(folder, GOOD + '[page]\nlisten = "127.0.0.1:0"\n') == []
    assert not (folder / "run").exists()


def test_a_port_that_another_program_has_is_told_and_a_box_starts_without_its_page(folder: Path, taken: int) -> None:
    (problem,) = problems(folder, GOOD + f'[page]\nlisten = "127.0.0.1:{taken}"\n')

    assert "page.listen" in problem
    assert "another program listens there" in problem
    assert load_for_box(folder / "config.toml").page.port == taken


def test_the_port_of_the_agent_that_runs_with_these_settings_is_its_own(folder: Path, taken: int) -> None:
    with ControlServer(folder / "run" / "control.sock", {}) as agent:
        agent.start()

        assert problems(folder, GOOD + f'[page]\nlisten = "127.0.0.1:{taken}"\n') == []


def test_a_page_that_is_not_served_needs_no_port(folder: Path, taken: int) -> None:
    assert problems(folder, GOOD + f'[page]\nenabled = false\nlisten = "127.0.0.1:{taken}"\n') == []


@pytest.mark.parametrize(
    ("listen", "words"),
    [
        ("192.0.2.77:8080", "this machine has no such address now"),
        ("[2001:db8::77]:8080", "this machine has no such address now"),
        ("no-such-host.invalid:8080", "nobody knows an address of no-such-host.invalid"),
    ],
)
def test_an_address_that_is_not_this_machines_is_told(folder: Path, listen: str, words: str) -> None:
    (problem,) = problems(folder, GOOD + f'[page]\nlisten = "{listen}"\npassword = "correct horse"\n')

    assert "page.listen" in problem
    assert words in problem


def test_a_control_socket_in_a_file_of_others_is_told(folder: Path) -> None:
    (folder / "file").write_text("")

    (problem,) = problems(folder, GOOD.replace('"run/control.sock"', f'"{folder}/file/control.sock"'))

    assert f"service.control_socket: this user may not write {folder}/file" in problem


def test_a_control_socket_in_a_folder_that_others_may_write_to_is_refused_to_a_box_too(folder: Path) -> None:
    (folder / "run").mkdir()
    (folder / "run").chmod(0o777)

    (problem,) = problems(folder, GOOD)

    assert "service.control_socket" in problem
    assert "only this user may write to" in problem
    with pytest.raises(ConfigError, match="only this user may write to"):
        load_for_box(folder / "config.toml")


def test_a_lock_out_that_cannot_be_remembered_is_told(folder: Path) -> None:
    (folder / "file").write_text("")

    (problem,) = problems(folder, GOOD + f'state_dir = "{folder}/file/state"\n[door]\npin = 26\ncode = "123456"\n')

    assert "service.state_dir: this user may not write" in problem


@pytest.mark.skipif(os.geteuid() == 0, reason="root may listen anywhere")
def test_a_port_of_roots_is_told(folder: Path) -> None:
    (problem,) = problems(folder, GOOD + '[page]\nlisten = "127.0.0.1:80"\n')

    assert "1024 or more" in problem

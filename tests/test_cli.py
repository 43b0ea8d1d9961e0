"""The command line as a shell meets it: closed pipes, Ctrl-C, files found by themselves, slips in arguments."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agent.switchboard.runner import mint_for

ROOT = Path(__file__).parents[1]
LIMIT_S = 60


def start(*words: str, stdout: int = subprocess.PIPE, cwd: Path = ROOT) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-m", "agent", *words], stdout=stdout, stderr=subprocess.PIPE, text=True,
                            cwd=cwd, env=environment)  # fmt: skip


def run(*words: str, cwd: Path = ROOT) -> tuple[int, str, str]:
    process = start(*words, cwd=cwd)
    out, err = process.communicate(timeout=LIMIT_S)
    return process.returncode, out, err


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with settings that can be used."""
    mint_for(str(tmp_path / "state"), "me", 60)
    (tmp_path / "state" / "authority.pem").touch()  # it is that of a switchboard here
    (tmp_path / "config.toml").write_text(
        '[box]\npins = "mock"\n[sound]\ndriver = "none"\n[signaling]\nserver = "127.0.0.1:9"\n'
        '[token]\nkey_file = "state/api_key.json"\n[page]\nlisten = "127.0.0.1:0"\n'
    )
    return tmp_path


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize("words", [("check",), ("key", "home"), ("check", "--where")])
def test_a_full_disk_is_told_in_one_line(folder: Path, words: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        process = start(*words, stdout=full.fileno(), cwd=folder)
        _, err = process.communicate(timeout=LIMIT_S)

    assert process.returncode == 1
    assert len(err.splitlines()) == 1 and "cannot be written (No space left on device)" in err


@pytest.mark.parametrize("words", [("check",), ("doctor",), ("doctor", "--json"), ("token", "--identity", "me")])
def test_a_closed_pipe_ends_a_command_without_a_word(folder: Path, words: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    more = ("--state-dir", "state") if words[0] == "token" else ()

    process = start(*words, *more, stdout=writer, cwd=folder)
    os.close(writer)
    _, err = process.communicate(timeout=LIMIT_S)

    assert "Traceback" not in err and "BrokenPipe" not in err and "Exception" not in err
    assert process.returncode == 128 + signal.SIGPIPE


@pytest.mark.parametrize("command", ["run", "demo", "call", "switchboard", "doctor", "status", "token"])
def test_ctrl_c_ends_a_command_that_is_still_being_read(command: str) -> None:
    script = (
        "import runpy, signal, sys, os\n"
        "class Slow:\n"  # somebody's finger is quicker than the disk
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == f'agent.commands.{sys.argv[1]}':\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Slow())\n"
        "runpy.run_module('agent', run_name='__main__')\n"
    )
    process = subprocess.run([sys.executable, "-c", script, command], cwd=ROOT, capture_output=True, text=True)

    assert (process.returncode, process.stderr) == (-signal.SIGINT, "")


def test_ctrl_c_ends_a_command_without_a_traceback(folder: Path) -> None:
    hole = "10.255.255.1:9"  # nobody answers there, or says at once that no way leads there
    (folder / "config.toml").write_text((folder / "config.toml").read_text().replace("127.0.0.1:9", hole))
    process = start("doctor", cwd=folder)
    assert process.stdout is not None
    process.stdout.readline()  # it is at work

    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=LIMIT_S)

    assert "Traceback" not in err and "KeyboardInterrupt" not in err
    assert process.returncode in (-signal.SIGINT, 128 + signal.SIGINT, 1)


def test_the_settings_of_this_folder_are_found(folder: Path) -> None:
    assert run("check", cwd=folder) == (0, "config.toml: ok\n", "")


def test_without_any_settings_both_places_are_named(tmp_path: Path) -> None:
    if Path("/etc/kiosk-agent/config.toml").exists():
        pytest.skip("this machine is a box")

    status, out, err = run("check", cwd=tmp_path)

    assert (status, out) == (2, "")
    assert "no config.toml in this folder and no /etc/kiosk-agent/config.toml" in err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("key_file = ", "# key_file = "), "no source of access tokens"),
        (('driver = "none"', 'driver = "wav"\nwav_playback = "nowhere/out.wav"'), "a folder that exists"),
        (('pins = "mock"', 'chip = "no-such-chip"'), "no GPIO chip labelled no-such-chip"),
        (("[sound]", "[buttons.a]\npin = 40\n[sound]"), "header 40 is GPIO 21"),
        (('pins = "mock"', 'pins = "mock"\nidentity = ""'), "box.identity"),
        (("[token]", 'ca_file = "config.toml"\n[token]'), "a PEM file with a certificate"),
    ],
    ids=["no token", "no folder", "no chip", "position", "no identity", "no PEM"],
)
def test_check_and_run_at_a_terminal_refuse_the_same_settings_with_the_same_words(
    folder: Path, change: tuple[str, str], words: str
) -> None:
    path = folder / "config.toml"
    path.write_text(path.read_text().replace(*change))

    checked, ran = run("check", cwd=folder), run("run", cwd=folder)

    assert (checked[0], ran[0]) == (2, 2)
    assert words in checked[2]
    assert checked[2].replace("kiosk-agent check", "") == ran[2].replace("kiosk-agent run", "")


def test_a_slip_in_the_state_folder_makes_no_key_that_nobody_knows(folder: Path) -> None:
    status, out, err = run("token", "--identity", "me", "--state-dir", "sate", cwd=folder)

    assert (status, out) == (2, "")
    assert "sate is no switchboard's state folder" in err
    assert not (folder / "sate").exists()


def test_a_token_is_made_with_the_key_of_a_state_folder(folder: Path) -> None:
    status, out, _ = run("token", "--identity", "me", "--state-dir", "state", cwd=folder)

    assert status == 0
    assert out.count(".") == 2


def test_the_doctor_tells_a_program_line_by_line_and_leaves_to_a_running_box_what_it_holds(folder: Path) -> None:
    status, out, _ = run("doctor", "--lines", "--beside", cwd=folder)

    lines = [json.loads(line) for line in out.splitlines()]
    checks = [line for line in lines if "outcome" in line]
    assert status == 1
    assert [line["testing"] for line in lines if "testing" in line] == [check["name"] for check in checks]
    left = {check["name"] for check in checks if check["detail"].startswith("left to the box")}
    assert left == {"pins", "sound devices", "tone test"}
    assert [check["name"] for check in checks if check["outcome"] == "failed"] == ["server"]


def test_the_doctor_gives_one_remedy_for_a_server_that_is_down_and_shows_what_it_does(folder: Path) -> None:
    status, out, _ = run("doctor", cwd=folder)

    lines = out.splitlines()
    assert status == 1
    assert lines[0].startswith("ok       settings         config.toml, as ")
    failed = [line.split()[1] for line in lines if line.startswith("failed")]
    assert failed == ["server"]
    assert "start the switchboard there, or correct signaling.server" in out
    assert "firewall" not in out
    for name in ("clock", "tls", "registration"):
        assert any(line.split()[:2] == ["skipped", name] and line.endswith("is mended") for line in lines)

"""The commands as somebody types them, those that do not run for long."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from agent.cli import main
from agent.commands.status import duration
from agent.program import VERSION
from agent.switchboard.runner import mint_for
from hw.sound.frame import RATE_HZ
from tests.kiosk.settings_text import HEAD
from tests.kiosk.stage import Site, tone

SETTINGS = HEAD + """\
[answering]
max_ring_s = 1.5
[service]
control_socket = "{folder}/run/control.sock"
[directory.house]
targets = ["nobody", "noanswer", "busy"]
ring_s = 3
fallback = "caretaker"
[directory.caretaker]
targets = ["reject", "guard"]
ring = "all"
[directory.empty]
targets = ["nobody", "busy"]
[directory.echo]
targets = ["echo"]
ring_s = 60
"""


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A switchboard for all the calls of this file."""
    site = Site(tmp_path_factory.mktemp("town"))
    (site.folder / "box.toml").write_text(SETTINGS.format(server=site.switchboard.address.server, folder=site.folder))
    yield site
    site.close()


@pytest.fixture
def settings(town: Site) -> str:
    return str(town.folder / "box.toml")


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Status, output and errors of one command."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    status = main(words)
    root.handlers[:] = handlers
    root.setLevel(level)
    said = capsys.readouterr()
    return status, said.out, said.err


# --- call ---


def test_call_says_each_step_and_records_what_it_hears(
    settings: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said, heard = tmp_path / "said.wav", tmp_path / "heard.wav"
    with wave.open(str(said), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(tone(700) * 3)

    status, out, _ = run(capsys, "call", "echo", "--config", settings, "--seconds", "1",
                         "--capture", str(said), "--playback", str(heard))  # fmt: skip

    assert status == 0
    assert [line.split(":")[0] for line in out.splitlines()] == ["ringing", "answered", "ended"]
    with wave.open(str(heard)) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(float)
    spectrum = np.abs(np.fft.rfft(pcm[-RATE_HZ // 2 :]))
    assert abs(int(np.argmax(spectrum)) * 2 - 700) < 10


def test_a_call_of_which_nobody_reads_ends_without_a_word(settings: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)

    done = subprocess.run([sys.executable, "-m", "agent", "call", "echo", "--config", settings],
                          stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60, check=False)  # fmt: skip
    os.close(writer)

    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, "")


@pytest.mark.parametrize("seconds", ["-1", "nan", "inf", "1e300"])
def test_a_call_that_lasts_no_time_that_there_is_is_refused(
    settings: str, seconds: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = run(capsys, "call", "echo", "--config", settings, f"--seconds={seconds}")

    assert status == 2
    assert "--seconds" in err


def test_call_sends_digits(settings: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "call", "echo", "--config", settings, "--seconds", "1", "--digits", "12",
                         "--playback", "/dev/null")  # fmt: skip

    assert status == 0
    assert "digit 1\ndigit 2\n" in out


@pytest.mark.parametrize(
    ("whom", "why"), [("busy", "31486"), ("reject", "31603"), ("nobody", "31404"), ("noanswer", "nobody answered")]
)
def test_a_call_that_is_not_answered_fails_and_says_why(
    settings: str, whom: str, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = run(capsys, "call", whom, "--config", settings)

    assert status == 1
    assert "answered" not in out
    assert err.startswith(f"kiosk-agent call: {whom} did not answer: {why}")


def test_an_entry_of_the_directory_is_called_step_by_step_as_a_button_calls_it(
    town: Site, settings: str, capsys: pytest.CaptureFixture[str]
) -> None:
    phone = town.phone("guard")
    phone.device.on("incoming", lambda call: call.accept())

    status, out, err = run(capsys, "call", "house", "--config", settings, "--seconds", "0.2", "--param", "floor=2")

    assert (status, err) == (0, "")
    assert [line.partition(",")[0] for line in out.splitlines()] == [
        "calling nobody", "calling noanswer", "ringing", "calling busy", "calling reject", "ringing", "answered",
        "ended: hung up here after 0.2 s",
    ]  # fmt: skip
    assert phone.call.custom_parameters == {"floor": "2"}


def test_an_entry_of_which_nobody_answers_fails_with_what_the_last_one_said(
    settings: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = run(capsys, "call", "empty", "--config", settings)

    assert (status, out) == (1, "calling nobody\ncalling busy\n")
    assert err.startswith("kiosk-agent call: empty did not answer: 31486")


def test_call_goes_out_under_another_name_with_parameters(
    town: Site, settings: str, capsys: pytest.CaptureFixture[str]
) -> None:
    phone = town.phone("office")
    phone.device.on("incoming", lambda call: call.accept())

    status, _, _ = run(capsys, "call", "office", "--config", settings, "--identity", "me", "--param", "room=b 12",
                       "--param", "floor=2", "--seconds", "0.2")  # fmt: skip

    assert status == 0
    assert phone.story[-1] == "disconnect"
    assert "incoming client:me" in phone.story
    assert phone.call.custom_parameters == {"room": "b 12", "floor": "2"}


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--param", "room"), "--param 'room' has no value"),
        (("--digits", "12a"), "only the characters 0-9"),
        (("--capture", "/nowhere/a.wav"), "there is no file /nowhere/a.wav"),
        (("--seconds", "-1"), "--seconds"),
    ],
)
def test_wrong_arguments_of_a_call_are_refused_before_it_is_made(
    settings: str, words: tuple[str, ...], why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = run(capsys, "call", "echo", "--config", settings, *words)

    assert (status, out) == (2, "")
    assert why in err


def test_a_refused_token_fails_at_once(town: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    foreign = mint_for(str(tmp_path / "elsewhere"), "me", 60)
    path = town.folder / "foreign.toml"
    key_file = f'key_file = "{town.folder}/state/api_key.json"'
    path.write_text((town.folder / "box.toml").read_text().replace(key_file, f'value = "{foreign}"'))

    status, _, err = run(capsys, "call", "echo", "--config", str(path))

    assert status == 1
    assert "the service refuses the access token" in err


# --- status and press ---


def test_status_and_press_reach_the_running_box(town: Site, settings: str, capsys: pytest.CaptureFixture[str]) -> None:
    box = town.box()

    status, out, _ = run(capsys, "status", "--config", settings)
    assert status == 0
    assert "box              box, ready" in out
    assert f"version          {VERSION}, up " in out

    assert main(["press", "down", "--config", settings]) == 0
    box.until_told("action volume_down")

    status, out, _ = run(capsys, "status", "--json", "--config", settings)
    told = json.loads(out)
    assert told["volume_percent"] == 90
    assert (told["version"], told["last_call"], told["last_error"]) == (VERSION, None, None)

    box.kiosk.board.trouble("page", "the address is taken")
    box.kiosk.board.trouble("page", "")  # it is over
    status, out, _ = run(capsys, "status", "--config", settings)
    assert "last error       page, the address is taken, 2" in out
    assert "trouble" not in out


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59.9, "59 s"), (61, "1 min 1 s"), (7200, "2 h"), (90_061, "1 d 1 h"), (86_400 * 400, "400 d")],
)
def test_how_long_it_is_up_has_two_units_at_most(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_an_unknown_button_is_refused_with_the_nearest_one(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.box()
    path = site.folder / "box.toml"
    path.write_text(SETTINGS.format(server=site.switchboard.address.server, folder=site.folder))

    status, _, err = run(capsys, "press", "acept", "--config", str(path))

    assert status == 2
    assert "there is no button 'acept'; did you mean 'accept'?" in err


@pytest.mark.parametrize("command", [("status",), ("press", "accept")])
def test_without_a_running_agent_it_says_where_it_looked(
    settings: str, tmp_path: Path, command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "box.toml"
    path.write_text(f'[service]\ncontrol_socket = "{tmp_path}/nobody.sock"\n')

    status, _, err = run(capsys, *command, "--config", str(path))

    assert status == 1
    assert f"{tmp_path}/nobody.sock" in err


# --- settings, tokens ---


@pytest.mark.parametrize("command", [("run", "--config"), ("call", "echo", "--config"), ("check",)])
def test_a_slip_in_the_settings_is_refused_with_the_place_and_the_nearest_key(
    tmp_path: Path, command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "box.toml"
    path.write_text('[box]\nidentity = "kiosk"\n[sound]\nvolume_percnt = 50\n')

    status, _, err = run(capsys, *command, str(path))

    assert status == 2
    assert f'{path}:4: sound.volume_percnt: unknown key; did you mean "volume_percent"?' in err


@pytest.mark.parametrize("command", [("run", "--config"), ("call", "echo", "--config")])
def test_settings_without_a_source_of_tokens_name_the_file_and_what_is_missing(
    tmp_path: Path, command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "box.toml"
    path.write_text('[box]\nidentity = "kiosk"\n')

    status, _, err = run(capsys, *command, str(path))

    assert status == 2
    assert f"{path}: token: no source of access tokens; expected one of value, file, url" in err


def test_check_accepts_the_shipped_settings_once_they_say_where_tokens_come_from(
    town: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    shipped = (Path(__file__).parents[2] / "config.toml").read_text().replace("127.0.0.1:8080", "127.0.0.1:0")
    path = town.folder / "shipped.toml"
    path.write_text(shipped)

    status, _, err = run(capsys, "check", str(path))
    assert status == 2
    assert "token: no source of access tokens" in err

    path.write_text(shipped.replace('key_file = ""', 'key_file = "state/api_key.json"'))
    assert run(capsys, "check", str(path)) == (0, f"{path}: ok\n", "")
    assert run(capsys, "check", "--config", str(path)) == (0, f"{path}: ok\n", "")


@pytest.mark.parametrize("words", [("--identity", ""), ("--identity", "me", "--ttl", "-5")])
def test_a_token_that_cannot_be_made_is_wrong_usage(
    tmp_path: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = run(capsys, "token", *words, "--state-dir", str(tmp_path / "state"))

    assert (status, out) == (2, "")
    assert err.startswith("kiosk-agent token: ")

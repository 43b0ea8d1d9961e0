"""A command that asks the running box loads what it needs for that: not the box, its hub, its sound, or its calls."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from gevent import subprocess

from agent.cli import COMMANDS
from tests.checkout import ROOT
from tests.kiosk.stage import Site

# What it may load of ours, besides `agent.commands.NAME` itself; and of others'.
OURS = {
    "agent", "agent.cli", "agent.closing", "agent.commands", "agent.errors", "agent.program", "agent.terminal",
    "agent.config", "agent.config.layers", "agent.config.location", "agent.config.part", "agent.config.schema",
    "agent.config.secrecy", "agent.config.settings", "agent.config.toml_source", "agent.config.toml_words",
    "agent.config.value_types", "agent.config.file_kinds", "agent.config.folders",
    "agent.service", "agent.service.control_client", "agent.service.control_path",
    "agent.service.releases", "agent.supervision", "agent.supervision.restart",
    "hw", "hw.closing", "hw.errors", "hw.setting", "hw.words",
}  # fmt: skip
OTHERS = {"toml"}
# Of the standard library: what only a program that stays has a use for.
TOO_MUCH = {"asyncio", "concurrent", "email", "hashlib", "http", "logging", "multiprocessing", "platform", "random",
            "ssl", "subprocess", "tempfile", "threading", "traceback", "unittest", "xml"}  # fmt: skip
CODE = OURS | {"agent.commands.code", "hw.panel", "hw.panel.gestures", "hw.panel.code_book", "hw.panel.settings",
               "hw.panel.actions", "hw.panel.patterns", "hw.week_hours"}  # fmt: skip

SCRIPT = """
import json, sys
before = set(sys.modules)
from agent.cli import main
status = 0
try:
    status = main(sys.argv[2:])
except SystemExit:
    pass
with open(sys.argv[1], "w") as file:
    json.dump(sorted(set(sys.modules) - before), file)
sys.exit(status)
"""


def loaded_by(folder: Path, *words: str) -> set[str]:
    """Perform a command, which must succeed, in a process of its own; the modules that it has loaded."""
    path = folder / "modules.json"
    command = [sys.executable, "-S", "-c", SCRIPT, str(path), *words]
    done = subprocess.run(command, cwd=ROOT, env={"PYTHONPATH": ":".join([str(ROOT), *sys.path])}, input=b"24681357\n",
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip

    assert (done.returncode, done.stderr) == (0, b"")
    return set(json.loads(path.read_text()))


def command(*words: str) -> Any:
    """Perform a command as a shell does."""
    return subprocess.run([sys.executable, "-m", "agent", *words], cwd=ROOT, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE)  # fmt: skip


def strangers(loaded: set[str], ours: set[str]) -> set[str]:
    """What of it is neither allowed nor of the small part of the standard library."""
    tops = {name.partition(".")[0] for name in loaded} - {"agent", "hw"} - OTHERS
    more = {name for name in loaded if name.partition(".")[0] in ("agent", "hw")} - ours
    return (tops & TOO_MUCH) | (tops - set(sys.stdlib_module_names)) | more


@pytest.fixture
def settings(site: Site, tmp_path: Path) -> Path:
    """Settings of a box that runs; a layer over the whole of config.toml says where it is asked."""
    kiosk = site.box().kiosk
    kiosk.control.offer("reload", lambda: {"applied": ["sound.volume_percent"]})
    path = tmp_path / "box.toml"
    path.write_text((ROOT / "config.toml").read_text())
    (tmp_path / "box.d").mkdir()
    socket = site.config().service.control_socket
    (tmp_path / "box.d" / "own.toml").write_text(f'[service]\ncontrol_socket = "{socket}"\n')
    return path


@pytest.mark.parametrize("words", [("status",), ("status", "--json"), ("press", "accept"), ("reload",)], ids=" ".join)
def test_what_asks_a_running_box_loads_no_room_of_it(settings: Path, tmp_path: Path, words: tuple[str, ...]) -> None:
    loaded = loaded_by(tmp_path, *words, "--config", str(settings))

    assert strangers(loaded, OURS | {f"agent.commands.{words[0]}"}) == set()
    assert "agent.service.control_client" in loaded


@pytest.mark.parametrize("words", [("--version",), ("--help",), ("status", "--help")], ids=" ".join)
def test_what_only_prints_loads_neither_settings_nor_hub(tmp_path: Path, words: tuple[str, ...]) -> None:
    commands = {f"agent.commands.{name}" for name in (*COMMANDS, "switchboard_state")}
    not_for_that = {name for name in OURS if name.startswith(("agent.config", "agent.service", "agent.supervision"))}

    loaded = loaded_by(tmp_path, *words)

    # All commands are known for `--help`, and some of them log.
    assert strangers(loaded, (OURS | commands) - not_for_that) <= {"logging", "threading", "traceback"}
    assert ("agent.commands.run" in loaded) == (words == ("--help",))


def test_a_code_is_made_with_the_codes_of_the_settings_alone(tmp_path: Path) -> None:
    path = tmp_path / "box.toml"
    path.write_text((ROOT / "config.toml").read_text())

    loaded = loaded_by(tmp_path, "code", "guest", "--config", str(path))

    assert strangers(loaded, CODE) <= {"hashlib", "random"}
    assert "hw.panel.code_book" in loaded


def test_what_is_wrong_elsewhere_in_the_settings_keeps_nobody_from_asking_the_box(settings: Path) -> None:
    settings.write_text('[sound]\nvolume_percnt = 50\n[service]\nstall_ms = "long"\n')

    done = command("status", "--config", str(settings))

    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"box ")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[service]\ncontrol_socket = 5", "box.toml:2: service.control_socket: 5: expected a text"),
        ("service = 5", "box.toml:1: service: 5: expected a table [service]"),
        ("[service\n", "box.toml:1: not valid TOML"),
    ],
)
@pytest.mark.parametrize("words_of", [("status",), ("press", "accept"), ("reload",)], ids=" ".join)
def test_a_place_that_cannot_be_read_out_of_the_settings_is_told(
    tmp_path: Path, text: str, words: str, words_of: tuple[str, ...]
) -> None:
    path = tmp_path / "box.toml"
    path.write_text(text)

    done = command(*words_of, "--config", str(path))

    assert (done.returncode, done.stdout) == (2, b"")
    assert f"kiosk-agent {words_of[0]}: {tmp_path}/{words}" in done.stderr.decode()

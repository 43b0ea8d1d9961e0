"""The settings file that is shipped, and what `load` makes of files."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
import typing
from pathlib import Path
from typing import Any

import pytest

from agent.config import Config, load
from agent.config.profiles import PROFILES
from agent.config.value_types import mapping_type
from agent.errors import ConfigError

SHIPPED = Path(__file__).parents[2] / "config.toml"
LINES = SHIPPED.read_text().splitlines()
# The entry that shows every key, of those with free names.
EXAMPLES = {"directory": "reception", "doors": "gate", "codes": "post", "buttons": "accept", "lights": "status",
            "hooks": "example"}

TABLES = {"ice_servers", "keys"}  # keys that are written as tables of their own


def sections() -> list[tuple[str, type[Any]]]:
    """Each section of the file and the dataclass that it is read into."""
    found = []
    for name, hint in typing.get_type_hints(Config).items():
        inner = mapping_type(hint)
        found.append((f"{name}.{EXAMPLES[name]}", inner) if inner else (name, hint))
    return found


def keys() -> list[tuple[str, dataclasses.Field[Any]]]:
    return [(name, field) for name, cls in sections() for field in dataclasses.fields(cls)]


def line_of(section: str, key: str) -> str:
    """The line of `key`, in use or commented out, after the header of `section`."""
    start = next(at for at, line in enumerate(LINES) if line.removeprefix("# ") == f"[{section}]") + 1
    for line in LINES[start:]:
        if line.removeprefix("# ").startswith("["):
            break
        if re.match(rf"(# ?)?{key} = ", line):
            return line
    raise AssertionError(f"[{section}] of {SHIPPED.name} does not show {key}")


def as_toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(as_toml(item) for item in value) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def test_the_shipped_file_can_be_used_as_it_stands() -> None:
    config = load(SHIPPED)

    assert config.buttons["accept"].short == "accept"
    assert config.lights["call"].ringing == "blink 250/250"


@pytest.mark.parametrize(("section", "field"), keys(), ids=lambda part: getattr(part, "name", part))
def test_the_shipped_file_explains_every_key(section: str, field: dataclasses.Field[Any]) -> None:
    line = line_of(section, field.name)

    assert re.search(r"# .{3,}", line.removeprefix("# ")), f"no comment: {line}"


@pytest.mark.parametrize(
    ("section", "field"),
    [(section, field) for section, field in keys() if "." not in section],
    ids=lambda part: getattr(part, "name", part),
)
def test_the_shipped_file_shows_the_defaults(section: str, field: dataclasses.Field[Any]) -> None:
    line = line_of(section, field.name)

    if field.default is None or field.name in TABLES:
        assert line.startswith("# "), "what is absent by default stands there commented out"
    elif any(field.name in profile.get(section, {}) for profile in PROFILES.values()):
        assert line.startswith(f"# {field.name} = {as_toml(field.default)} "), "what a profile sets must not beat it"
        assert f"small: {as_toml(PROFILES['small'][section][field.name])}" in line
    else:
        assert re.match(rf"{field.name} = {re.escape(as_toml(field.default))}( |$)", line), line


def test_without_any_section_everything_has_its_default(tmp_path: Path) -> None:
    (tmp_path / "empty.toml").write_text("")

    assert load(tmp_path / "empty.toml") == Config()


def test_a_file_full_of_slips_is_refused_with_a_line_for_each(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        """
[box]
pins = "mok"
[buttons.green]
pin = 17
short = "acept"
long_ms = "800"
[lights.ready]
pin = 17
ready = "blnk"
[lihgts.call]
pin = 4
[door]
code = "12a4"
"""
    )

    with pytest.raises(ConfigError) as caught:
        load(path)

    lines = [line.removeprefix(f"{path}:") for line in str(caught.value).splitlines()]
    expected = [
        ("3: box.pins: ", 'did you mean "mock"?'),
        ("6: buttons.green.short: ", "did you mean 'accept'?"),
        ("7: buttons.green.long_ms: ", "expected a whole number from 200 to 10000"),
        ("9: lights.ready.pin: ", "GPIO 17 is used by buttons.green.pin already"),
        ("10: lights.ready.ready: ", "did you mean 'blink'?"),
        ("11: lihgts: ", 'did you mean "lights"?'),
        ("13: door: ", "code must consist of the digits 0 to 9"),
    ]
    assert len(lines) == len(expected)
    for line, (place, remedy) in zip(lines, expected, strict=True):
        assert line.startswith(place)
        assert remedy in line
    assert "12a4" not in str(caught.value)


def test_a_door_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[buttons.open]\npin = 5\nlong = "door"\n[door]\ncode = "4711"\n')

    with pytest.raises(ConfigError) as caught:
        load(path)

    assert str(caught.value).splitlines() == [
        f"{path}:3: buttons.open.long: 'door' opens nothing; expected the relay's pin in door.pin",
        f"{path}:5: door.code: it opens nothing; expected the relay's pin in door.pin",
    ]


@pytest.mark.parametrize("key", ["ring_file", "connect_file", "disconnect_file", "wav_capture"])
def test_a_sound_file_of_the_wrong_kind_is_refused(tmp_path: Path, key: str) -> None:
    path = tmp_path / "config.toml"
    (tmp_path / "bell.mp3").write_bytes(b"ID3 no sound here")
    path.write_text(f'[sound]\n{key} = "bell.mp3"\n')

    with pytest.raises(ConfigError, match=rf"config.toml:2: sound.{key}: .*expected a WAV file with PCM sound"):
        load(path)


def test_the_door_code_is_read_but_never_shown(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[door]\npin = 26\ncode = "4711"')

    config = load(path)

    assert config.door.code == "4711"
    assert "4711" not in repr(config)


def test_reading_settings_does_not_load_media_or_sound() -> None:
    libraries = "('aiortc', 'av', 'pyaudio', 'aioice')"
    program = f"import sys, agent.config.loading; print([m for m in {libraries} if m in sys.modules])"

    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert loaded.stdout == "[]\n"

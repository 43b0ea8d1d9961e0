"""Reading a file: what cannot be parsed is refused with its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.config.toml_source import read_toml
from agent.errors import ConfigError

TEXT = """
[box]
name = "x"   # = not a key
"quoted key" = 1

[buttons.accept]
pin = 17

[[media.servers]]
urls = []
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("box", 2),
        ("box.name", 3),
        ("box.quoted key", 4),
        ("buttons.accept.pin", 7),
        ("media.servers.urls", 10),
        ("buttons.accept.absent", 6),
        ("media", 9),
        ("absent.key", 0),
    ],
)
def test_the_line_of_a_key_is_known(path: Path, key: str, line: int) -> None:
    path.write_text(TEXT)

    assert read_toml(path).line(key) == line


def test_bad_syntax_is_refused_with_its_line(path: Path) -> None:
    path.write_text('[box]\nname = "kiosk"\nidentity = kiosk\n')

    with pytest.raises(ConfigError, match=r"config\.toml:3: not valid TOML"):
        read_toml(path)


def test_a_key_given_twice_is_refused(path: Path) -> None:
    path.write_text("[box]\nname = 1\nname = 2\n")

    with pytest.raises(ConfigError, match="not valid TOML"):
        read_toml(path)


def test_a_missing_file_is_refused_by_name(path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config\.toml: cannot be read \(No such file or directory\)"):
        read_toml(path)


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_toml(tmp_path)


def test_bytes_that_are_no_text_are_refused(path: Path) -> None:
    path.write_bytes(b'name = "\xff"')

    with pytest.raises(ConfigError, match="expected text in UTF-8"):
        read_toml(path)


@given(st.text(alphabet='abc=[]{}."\'#\n,: 01-\\\t', max_size=60))
def test_whatever_stands_in_a_file_it_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzzed.toml"
    path.write_text(text)

    try:
        source = read_toml(path)
    except ConfigError as error:
        assert str(path) in str(error)
    else:
        assert isinstance(source.tables, dict)

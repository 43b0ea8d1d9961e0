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


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-16"])
def test_another_encoding_is_named_as_the_cause(path: Path, encoding: str) -> None:
    path.write_bytes('[page]\npassword = "correct horse"\n'.encode(encoding))

    with pytest.raises(ConfigError, match=r"expected text in UTF-8 .*save the file as UTF-8"):
        read_toml(path)


@pytest.mark.parametrize(
    "text", ["a." * 3000 + "b = 1\n", "x = " + "[" * 5000, "x = " + "{a = " * 3000, "[" + "a." * 3000 + "b]"]
)
def test_what_is_nested_by_the_thousand_is_refused(path: Path, text: str) -> None:
    path.write_text(text)

    with pytest.raises(ConfigError, match="not valid TOML"):
        read_toml(path)


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


MARK = "4711hunter2"


@pytest.mark.parametrize(
    "text",
    [
        f'[door]\ncode = "{MARK}"\n[door]\npin = 3\n',
        f"[door]\ncode = {MARK}\n",
        f"[door]\ncode = {MARK} # yes\n",
        f"[door]\ncode = 12 {MARK}\n",
        f'[page]\npassword = "{MARK}"\npassword = "{MARK}"\n',
        f"[page]\npassword = “{MARK}”\n",
        f'[page]\npassword = "{MARK}\n',
        f"[page]\npassword = '{MARK}\n",
        f'[page]\npassword = "{MARK}\\q"\n',
        f'[page]\npassword = """{MARK}\n',
        f'[page]\n{MARK}\n',
        f'[page]\n"{MARK}" = 1\n"{MARK}" = 2\n',
        f'[page]\na = {{"{MARK}" = 1, "{MARK}" = 2}}\n',
        f'[{MARK}\n',
        f'[[{MARK}]\n',
        f'a."{MARK}".b = 1\na."{MARK}" = 2\n',
        f'a = ["{MARK}"\n',
        f'a = ["{MARK}", 1, ["{MARK}"]]\n',
        f'a = {{x = "{MARK}"\n',
        f'a = "{MARK}" "{MARK}"\n',
        f"a = 2020-13-45 {MARK}\n",
        f'a = "{MARK}\x1b[31m"\n',
        f"a = '{MARK}' = 3\n",
        f"{MARK} = {'9' * 5000}\n",
        f'{MARK} = {"[" * 5000}\n',
    ],
)
def test_nothing_that_stands_in_a_file_is_in_what_is_said_of_its_syntax(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigError) as caught:
        read_toml(path)

    said = str(caught.value)
    assert said.startswith(f"{path}:")
    assert "not valid TOML" in said
    assert not any(piece in said for piece in (MARK, "4711", "hunter2"))
    assert said.isprintable()


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        ("short = accept", 'a text needs "quotation marks"'),
        ("short = call:reception", 'a text needs "quotation marks"'),
        ("quiet_from = 22:00", 'a text needs "quotation marks"'),
        ("code = 12a4", 'a text needs "quotation marks"'),
        ("name = “kiosk”", 'must be straight ones, "'),
        ("name = ‘kiosk’", 'must be straight ones, "'),
        ("name = «kiosk»", 'must be straight ones, "'),
        ("name =", "no value stands behind the equals sign"),
        ("name = # later", "no value stands behind the equals sign"),
        ('name = "kiosk', "must end on its line with the quotation mark"),
        ('folder = "C:\\sounds"', "a backslash in a text must be doubled"),
        ("name", "expected KEY = VALUE"),
        ("= 3", "expected KEY = VALUE"),
        ("[box.inner", "a section's name must be closed"),
        ('list = ["a", "b"', "a list must be closed"),
    ],
)
def test_a_slip_of_the_pen_is_told_with_its_line_and_its_remedy(path: Path, line: str, remedy: str) -> None:
    path.write_text(f"[box]\n{line}\n", encoding="utf-8")

    with pytest.raises(ConfigError) as caught:
        read_toml(path)

    assert str(caught.value).startswith(f"{path}:2: not valid TOML")
    assert remedy in str(caught.value)


def test_the_mark_that_some_editors_put_in_front_is_passed_over(path: Path) -> None:
    path.write_bytes(b'\xef\xbb\xbf[box]\r\nname = "kiosk"\r\n')

    assert read_toml(path).tables == {"box": {"name": "kiosk"}}


def test_a_file_that_two_parsers_read_differently_is_not_guessed_at(path: Path) -> None:
    path.write_text('[box]\n"a.b" = 1\n["x.y"]\nz = 2\n')

    try:
        tables = read_toml(path).tables
    except ConfigError as error:
        assert "not valid TOML" in str(error)
    else:
        assert tables == {"box": {"a.b": 1}, "x.y": {"z": 2}}


def test_a_folder_in_the_place_of_a_file_is_named_as_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="it is a folder; expected a configuration file"):
        read_toml(tmp_path)

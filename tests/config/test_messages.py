"""What somebody slips on most often is told with what they meant, and never with a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.config import load
from agent.errors import ConfigError

MARK = "4711hunter2"
JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.hunter2hunter2"


def said(tmp_path: Path, text: str) -> str:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[sound]\ntone_country = "uk"', 'did you mean "gb"?'),
        ('[sound]\ntone_country = "UK"', 'did you mean "gb"?'),
        ('[sound]\ntone_country = "usa"', 'did you mean "us"?'),
        ('[sound]\nquiet_from = "22:00:00"\nquiet_to = "07:00"', 'hours and minutes only: "22:00"'),
        ('[sound]\nquiet_from = 22:00:00\nquiet_to = "07:00"', '22:00:00: expected a text in "quotation marks"'),
        ('[sound]\nidentity = "x"', "unknown key; it belongs into [box]"),
        ('[box]\nserver = "x:1"', "unknown key; it belongs into [signaling]"),
        ('[signaling]\nkey_file = "x"', "unknown key; it belongs into [token]"),
        ("[door]\nred = 3", "unknown key; it belongs into [lights.NAME]"),
        ('identity = "x"', "unknown key; it belongs into [box]"),
        ('[lights.a]\npin = 5\nshort = "mute"', "unknown key; it belongs into [buttons.NAME]"),
        ('[signaling]\nca_file = "."', "is a folder"),
        ('[sound]\nring_file = "/"', "is a folder"),
        ('[sound]\ndriver = "wav"\nwav_playback = "nowhere/out.wav"', "a file in a folder that exists"),
        ('[sound]\ndriver = "wav"\nwav_playback = "/"', "is a folder"),
        ('[signaling]\nca_file = "config.toml"', "a PEM file with a certificate"),
    ],
)
def test_a_slip_is_told_with_what_was_meant(tmp_path: Path, text: str, words: str) -> None:
    assert words in said(tmp_path, text)


@pytest.mark.parametrize("word", ["xx", "zz", "q"])
def test_what_resembles_no_country_gets_no_guess(tmp_path: Path, word: str) -> None:
    assert "did you mean" not in said(tmp_path, f'[sound]\ntone_country = "{word}"')


@pytest.mark.parametrize(
    "text",
    [
        f'token = "{MARK}"',
        f'door = "{MARK}"',
        "door = 4711",
        f'page = ["{MARK}"]',
        f"[page]\npassword = {{a = '{MARK}'}}",
        "[page]\npassword = 4711",
        "[door]\npin = 3\ncode = 4711",
        f'[door]\npin = 3\ncode = "{MARK}"',
        f'[token]\nvalue = "{MARK}"',
        f'[token]\nvalue = ["{MARK}"]',
        f'[token]\nurl = "htps://x/?key={MARK}"',
        f'[token]\nurl = "{MARK}"',
        f'[token]\ncommand = "curl -H {MARK}"',
        f'[token]\ncommand = ["curl", 4711, "{MARK}"]',
        f'[token]\nfile = "{JWT}"',
        f'[token]\nkey_file = \'{{"secret": "{MARK}"}}\'',
        f'[token]\nurl = "https://x"\nurl_header = "{MARK}"',
        f'[media]\nice_servers = "turn:user:{MARK}@x"',
        f'[media]\nice_servers = [{{urls = "turn:{MARK}", credential = "{MARK}"}}]',
        f'[signaling]\nca_file = "-----BEGIN PRIVATE KEY-----{MARK}"',
        f'[box]\nidentity = "{JWT}{JWT}"',
    ],
)
def test_no_value_that_may_be_secret_is_shown(tmp_path: Path, text: str) -> None:
    told = said(tmp_path, text)

    assert not any(piece in told for piece in ("4711", "hunter2"))


@pytest.mark.parametrize("key", ["\\u001b[2Jkey", "a\\nb", "\\u202e", "\\u0007"])
def test_no_escaped_key_and_no_value_reaches_a_terminal_unprinted(tmp_path: Path, key: str) -> None:
    assert said(tmp_path, f'"{key}" = 1\n').isprintable()
    assert said(tmp_path, f'[box]\npins = "{key}"\n').isprintable()
    assert said(tmp_path, f'[buttons.a]\npin = 5\nshort = "{key}"\n').isprintable()


@pytest.mark.parametrize("key", ["\u202egnp.exe", "a\u2028b", "\x85", "\u200b", "\x9b31m"])
def test_no_key_and_no_value_reaches_a_terminal_unprinted(tmp_path: Path, key: str) -> None:
    told = said(tmp_path, f'"{key}" = 1\n[box]\n"{key}" = 2\nchip = 3\npins = "{key}"\n["{key}2"]\nx = 1\n')

    assert all(line.isprintable() for line in told.splitlines())
    assert len(told.splitlines()) == 5


def test_a_huge_value_makes_no_huge_message(tmp_path: Path) -> None:
    assert len(said(tmp_path, f'[box]\npins = "{"x" * 100_000}"\n"{"k" * 100_000}" = 1')) < 3000

"""An address in the terminal, for a phone that is held in front of it."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import segno

from agent.commands import switchboard
from agent.qr_code import BORDER, HALVES, qr_code
from agent.switchboard.address import SwitchboardAddress
from tests.seen_terminal import CELL_H, CELL_W, DARK, LIGHT, MARGIN, Look, Picture, SeenTerminal

URL = "https://192.168.178.21:8443/"
URLS = [URL, "https://[fd00::21]:8443/", "https://box.example.org:12345/"]
CA = Path("ca.pem")
LOOKS = pytest.mark.parametrize("look", [DARK, LIGHT], ids=["dark", "light"])
SHOW = "from agent.commands.switchboard import show_phone_page as show; from tests.test_qr_code import *; "
needs_reader = pytest.mark.skipif(shutil.which("zbarimg") is None, reason="no zbarimg: apt-get install zbar-tools")


def rows(lines: list[str]) -> list[list[bool]]:
    """Which modules are bright, read from the lines."""
    pair = {half: both for both, half in HALVES.items()}
    return [[pair[half][part] for half in line] for line in lines for part in (0, 1)]


def printed_in_a_terminal(program: str, **environment: str) -> str:
    """What a program prints that has a terminal of its own."""
    ours, theirs = pty.openpty()
    ended = subprocess.Popen([sys.executable, "-c", program], stdin=theirs, stdout=theirs, stderr=theirs,
                             env={**os.environ, "TERM": "xterm-256color", **environment})  # fmt: skip
    os.close(theirs)
    heard = b""
    try:
        while piece := os.read(ours, 65536):
            heard += piece
    except OSError:  # Linux' way to say that nobody has it open any more
        pass
    os.close(ours)
    assert ended.wait(30) == 0, heard
    return heard.decode(environment.get("PYTHONIOENCODING", "utf-8"))


def seen(text: str, look: Look) -> Picture:
    terminal = SeenTerminal(look)
    terminal.takes(text)
    return terminal.picture()


def read(picture: Picture, file: Path) -> str:
    """What a reader of codes makes of a picture; empty for nothing."""
    file.write_bytes(b"P5 %d %d 255\n" % (picture.shape[1], picture.shape[0]) + picture.tobytes())
    ended = subprocess.run(["zbarimg", "--quiet", "--raw", str(file)], capture_output=True, text=True, check=False)
    return ended.stdout.strip()


def shown(host: str, **environment: str) -> tuple[str, str]:
    """The address of a phone page, and what a terminal is sent for it."""
    address = SwitchboardAddress(host, 8443, CA)
    program = f"{SHOW}show(SwitchboardAddress({host!r}, 8443, CA)); print('ready')"
    return address.url, printed_in_a_terminal(program, **environment)


@pytest.mark.parametrize("url", URLS)
def test_what_is_drawn_is_the_code_of_the_address(url: str) -> None:
    code = segno.make(url, error="l", micro=False)
    size = code.symbol_size(border=BORDER)[0]
    drawn = rows(qr_code(url))
    assert {len(row) for row in drawn} == {size}
    assert [[not bright for bright in row] for row in drawn[:size]] == [
        [bool(dark) for dark in row] for row in code.matrix_iter(border=BORDER)
    ]
    assert not any(any(row) for row in drawn[size:]), "below an odd number of rows is nothing"


def test_it_fits_a_terminal_and_can_be_printed() -> None:
    lines = qr_code(URL)
    assert len(lines) < 24 and max(map(len, lines)) < 80
    assert all(line.isprintable() for line in lines)


@needs_reader
@LOOKS
@pytest.mark.parametrize("host", ["192.168.178.21", "fd00::21", "box.example.org"])
def test_a_reader_of_codes_reads_the_address_off_a_terminal(tmp_path: Path, host: str, look: Look) -> None:
    url, text = shown(host)
    assert read(seen(text, look), tmp_path / "terminal.pgm") == url


@LOOKS
def test_the_code_is_dark_on_bright_whatever_the_terminals_colours_are(look: Look) -> None:
    """As the standard wants it: not every reader looks for a code that is the other way round."""
    url, text = shown("192.168.178.21")
    picture, first_row = seen(text, look), 1 + MARGIN
    for row, modules in enumerate(segno.make(url, error="l", micro=False).matrix_iter(border=BORDER)):
        line = picture[first_row * CELL_H + (row * CELL_H + CELL_H // 2) // 2, MARGIN * CELL_W + CELL_W // 2 :: CELL_W]
        assert [pixel < 60 for pixel in line[: len(modules)]] == [bool(dark) for dark in modules], f"row {row}"


@needs_reader
def test_a_terminal_that_knows_no_colours_gets_none_and_the_code_all_the_same(tmp_path: Path) -> None:
    url, text = shown("192.168.178.21", TERM="dumb")
    assert "\x1b" not in text
    assert read(seen(text, DARK), tmp_path / "terminal.pgm") == url


def test_a_terminal_without_blocks_gets_no_picture() -> None:
    assert shown("192.168.178.21", PYTHONIOENCODING="latin-1")[1] == "ready\r\n"


@pytest.mark.parametrize(
    ("host", "is_terminal", "is_drawn"),
    [("192.168.178.21", True, True), ("fd00::21", True, True), ("box.local", True, True),
     ("192.168.178.21", False, False), ("127.0.0.1", True, False), ("::1", True, False), ("localhost", True, False)],
)  # fmt: skip
def test_it_is_drawn_at_a_terminal_where_a_phone_can_reach_the_page(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], host: str, is_terminal: bool, is_drawn: bool
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: is_terminal)
    monkeypatch.setenv("TERM", "dumb")
    address = SwitchboardAddress(host, 8443, CA)

    switchboard.show_phone_page(address)

    assert capsys.readouterr().out.splitlines()[1:] == (qr_code(address.url) if is_drawn else [])

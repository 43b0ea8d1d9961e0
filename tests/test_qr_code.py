"""An address in the terminal, for a phone that is held in front of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import segno

from agent.commands import switchboard
from agent.qr_code import BORDER, HALVES, qr_code
from agent.switchboard.address import SwitchboardAddress

URL = "https://192.168.178.21:8443/"
CA = Path("ca.pem")


def rows(lines: list[str]) -> list[list[bool]]:
    """Which modules are bright, read from the lines."""
    pair = {half: both for both, half in HALVES.items()}
    return [[pair[half][part] for half in line] for line in lines for part in (0, 1)]


@pytest.mark.parametrize("url", [URL, "https://[fd00::21]:8443/", "https://box.example.org:12345/"])
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


@pytest.mark.parametrize(
    ("host", "is_terminal", "is_drawn"),
    [("192.168.178.21", True, True), ("fd00::21", True, True), ("box.local", True, True),
     ("192.168.178.21", False, False), ("127.0.0.1", True, False), ("::1", True, False), ("localhost", True, False)],
)  # fmt: skip
def test_it_is_drawn_at_a_terminal_where_a_phone_can_reach_the_page(
    monkeypatch: pytest.MonkeyPatch, host: str, is_terminal: bool, is_drawn: bool
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: is_terminal)
    address = SwitchboardAddress(host, 8443, CA)
    assert switchboard._picture(address)[1:] == (qr_code(address.url) if is_drawn else [])

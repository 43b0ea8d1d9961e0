"""What somebody sees who looks at a terminal: a program's bytes, its colours and half blocks, as a picture."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np

CELL_W, CELL_H = 6, 12  # pixels
MARGIN = 3  # cells around all that is printed
PARTS = {"█": (True, True), "▀": (True, False), "▄": (False, True), " ": (False, False)}
_TOKEN = re.compile(r"\x1b\[([\d;]*)m|(\r\n)|(.)", re.DOTALL)

Picture = Any  # of uint8, rows of columns, 0 black to 255 white


class Look(NamedTuple):
    """What a terminal shows where a program asks for no colours."""

    letters: int
    ground: int


DARK, LIGHT = Look(200, 30), Look(30, 255)


class SeenTerminal:
    """Knows the few sequences that colour, and refuses every other one."""

    def __init__(self, look: Look) -> None:
        self._usual = self._now = look
        self._lines: list[list[tuple[str, Look]]] = [[]]

    def takes(self, text: str) -> None:
        """Show what a program prints."""
        for sequence, end, letter in _TOKEN.findall(text):
            if end:
                self._lines.append([])
            elif letter:
                assert letter.isprintable(), f"{letter!r} moves the cursor, or is a sequence that is not known here"
                self._lines[-1].append((letter, self._now))
            else:
                self._colour(sequence)

    def _colour(self, sequence: str) -> None:
        """ECMA-48 SGR, and its colours of 256 (ITU-T T.416): here 232 to 255 are greys, 231 is white."""
        match [int(number) for number in sequence.split(";")]:
            case [0]:
                self._now = self._usual
            case [38, 5, letters, 48, 5, ground]:
                self._now = Look(_grey(letters), _grey(ground))
            case other:
                raise AssertionError(f"a sequence that is not known here: {other}")

    def picture(self) -> Picture:
        """Paint it."""
        rows, columns = len(self._lines), max(map(len, self._lines))
        shape = ((rows + 2 * MARGIN) * CELL_H, (columns + 2 * MARGIN) * CELL_W)
        pixels = np.full(shape, self._usual.ground, "u1")
        for row, line in enumerate(self._lines, MARGIN):
            for column, (letter, look) in enumerate(line, MARGIN):
                cell = pixels[row * CELL_H : (row + 1) * CELL_H, column * CELL_W : (column + 1) * CELL_W]
                _paint(cell, letter, look)
        return pixels


def _grey(colour: int) -> int:
    return 255 if colour == 231 else 8 + 10 * (colour - 232)


def _paint(cell: Picture, letter: str, look: Look) -> None:
    cell[:] = look.ground
    if letter in PARTS:
        upper, lower = PARTS[letter]
        cell[: CELL_H // 2] = look.letters if upper else look.ground
        cell[CELL_H // 2 :] = look.letters if lower else look.ground
    else:  # some letter: enough of one for whoever mistakes text for a code
        cell[3:10:3, 1:5] = cell[3:10, 2] = look.letters

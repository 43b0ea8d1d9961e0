"""The one place that prints: whatever stands in a line, it is one line, and nothing in it moves a cursor."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TextIO

from agent.errors import OutputError
from hw.words import one_line

BLOCKS = "█▀▄"
# ECMA-48, colours 231 and 232 of 256: schemes of a terminal change the sixteen that have names, and those after them.
BRIGHT_ON_DARK, USUAL = "\x1b[38;5;231;48;5;232m", "\x1b[0m"


def say(*lines: object, to: TextIO | None = None) -> None:
    """Print lines, at once; to standard output, where nothing else is given.

    Raises OutputError where that cannot be written, BrokenPipeError where nobody reads it any more.
    """
    _print([one_line(line) for line in lines], to or sys.stdout)


def draws() -> bool:
    """Tell whether standard output is a terminal that has blocks among its characters."""
    try:
        BLOCKS.encode(sys.stdout.encoding or "ascii")
    except (LookupError, UnicodeEncodeError):
        return False
    return sys.stdout.isatty()


def draw(lines: Iterable[str]) -> None:
    """Print a picture of blocks, bright on dark whatever the terminal's colours are.

    Raises OutputError, BrokenPipeError as `say`.
    """
    before, after = ("", "") if os.environ.get("TERM", "dumb") == "dumb" else (BRIGHT_ON_DARK, USUAL)
    _print([f"{before}{one_line(line)}{after}" for line in lines], sys.stdout)


def _print(lines: Iterable[str], out: TextIO) -> None:
    try:
        for line in lines:
            print(line, file=out)
        out.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        why = error.strerror or error
        raise OutputError(f"the output cannot be written ({why}); make room, or let it go elsewhere") from error

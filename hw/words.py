"""Words that somebody else wrote, made safe to show: servers, callers, cards, files and exceptions all send text.

What is not printable never passes: a terminal obeys it, a log line is forged by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOST_LINES = 200
MOST_WHY = 300  #: characters of a reason that is logged or shown


def excerpt(text: object, most: int = 40) -> str:
    """Cut what somebody else wrote so that it fits a log line: at most `most` printable characters."""
    given = str(text)
    line = _printable(given[:most])
    return line if len(given) <= most else f"{line}…"


def one_line(text: object) -> str:
    """Return a whole text as one line, with nothing but printable characters in it."""
    return _printable(" / ".join(str(text).splitlines()))


def harmless(text: object) -> str:
    """Return the lines of a whole text, of at most MOST_LINES, with nothing but printable characters in them."""
    return "\n".join(_printable(line) for line in str(text).split("\n")[:MOST_LINES])


def tidy(value: Any) -> Any:
    """Return a copy of a status (tables, lists, texts, numbers) with nothing unprintable in any text of it."""
    if isinstance(value, str):
        return harmless(value).replace("\n", "?")
    if isinstance(value, Mapping):
        return {tidy(key): tidy(one) for key, one in value.items()}
    return [tidy(one) for one in value] if isinstance(value, list | tuple) else value


def _printable(line: str) -> str:
    return line if line.isprintable() else "".join(c if c.isprintable() else "?" for c in line)

"""Quotes and separators of SIP header values (RFC 3261 section 25.1).

A comma, a semicolon or an angle bracket inside "a quoted text" means nothing, and neither does a separator inside
<a bracketed URI>; within quotes a backslash takes its meaning from the next character. Each text is read once, from the
left to the right, so a long one that never closes its quotes costs no more than another one.
"""

from __future__ import annotations

import re
from typing import Final

from agent.errors import ProtocolError
from agent.log import excerpt

BLANKS: Final = " \t"  #: what separates words, once lines are unfolded
TOKEN: Final = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+")
_MARK: Final = re.compile(r'["<>,;\\]')
_PAIR: Final = re.compile(r"\\(.)", re.DOTALL)
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


def is_token(text: str) -> bool:
    """Tell whether this can be a method, the name of a header or of a parameter."""
    return TOKEN.fullmatch(text) is not None


def split(text: str, separator: str) -> list[str]:
    """Cut at each `,` or `;` that is neither quoted nor in brackets; parts are stripped, empty ones left out."""
    parts, start, escaped = [], 0, -1
    in_quotes = in_brackets = False
    for found in _MARK.finditer(text):
        mark, at = found[0], found.start()
        if at == escaped:
            continue
        if in_quotes:
            escaped = at + 1 if mark == "\\" else escaped
            in_quotes = mark != '"'
        elif mark == '"':
            in_quotes = not in_brackets
        elif mark in "<>":
            in_brackets = mark == "<"
        elif mark == separator and not in_brackets:
            parts.append(text[start:at])
            start = at + 1
    parts.append(text[start:])
    return [stripped for part in parts if (stripped := part.strip(BLANKS))]


def quoted(text: str) -> str:
    """Put a text into quotes."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def unquoted(text: str) -> str:
    """Take a value out of its quotes, if it has any; raises ProtocolError for quotes that do not fit."""
    if '"' not in text:
        return text
    if _QUOTED.fullmatch(text) is None:
        raise ProtocolError(f"a quoted value does not end where its quotes do: {excerpt(text)}")
    return _PAIR.sub(r"\1", text[1:-1])

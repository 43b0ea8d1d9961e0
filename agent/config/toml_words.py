"""What is wrong with the syntax of a TOML file, in words of our own.

A parser's message may quote what it read: a key, a value, with `toml` the whole file. Settings hold secrets, so only
the place that a parser names is taken over, and the kind of fault.
"""

from __future__ import annotations

import re

_PLACE = re.compile(r"\(at line (\d+), column (\d+)\)$")
_VALUE = re.compile(r"""^\s*(?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*\s*=\s*(?P<value>.*)$""")
_TYPOGRAPHIC = frozenset("“”„‟«»‘’‚‛″′＂")

UNQUOTED = 'a text needs "quotation marks" around the whole of it, or the value is not complete'
TYPOGRAPHIC = 'quotation marks must be straight ones, ", not typographic ones'
GIVEN_TWICE = "this key or section stands in the file already; keep one of the two"
NO_PAIR = "expected KEY = VALUE, or a [section]"
UNENDED = "a text must end on its line with the quotation mark that it began with"
ODD = "this cannot be read; write it as config.toml.example does"

_FAULTS = (
    ("Cannot ", GIVEN_TWICE),
    ("Duplicate ", GIVEN_TWICE),
    ("Expected '='", NO_PAIR),
    ("Expected ']", "a section's name must be closed: [name]"),
    ("Invalid statement", NO_PAIR),
    ("Invalid initial character", NO_PAIR),
    ("Unterminated string", UNENDED),
    ("Illegal character", f"{UNENDED}, and hold nothing that cannot be seen"),
    ("Unescaped", r"a backslash in a text must be doubled: \\"),
    ("Escaped character", r"a backslash in a text must be doubled: \\"),
    ("Invalid hex value", r"a backslash in a text must be doubled: \\"),
    ("Unclosed array", "a list must be closed: ]"),
    ("Unclosed inline table", "a table on one line must be closed: }"),
    ("Found invalid character", "a character that cannot be seen stands here; remove it"),
    ("Invalid date", "this is no date"),
    ("Expected newline", UNQUOTED),
    ("Invalid value", UNQUOTED),
)


def place(message: str, text: str) -> tuple[int, int]:
    """Return line and column that tomllib's `message` names, from 1; the last line where it names the end."""
    found = _PLACE.search(message)
    return (int(found[1]), int(found[2])) if found else (max(1, len(text.rstrip().splitlines())), 0)


def fault(message: str, line: str) -> str:
    """Say what is wrong with `line`, by the beginning of tomllib's `message`; quotes neither."""
    if _TYPOGRAPHIC.intersection(line.partition("#")[0]):
        return TYPOGRAPHIC
    value = _VALUE.match(line)
    if value and not value["value"].partition("#")[0].strip():
        return "no value stands behind the equals sign"
    told = next((words for begin, words in _FAULTS if message.startswith(begin)), ODD)
    is_bare = value is not None and value["value"][:1] not in ('"', "'", "[", "{")
    return UNQUOTED if is_bare and told == ODD else told

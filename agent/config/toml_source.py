"""A TOML file as tables, and where in it each key stands, so that a complaint can name the line."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import toml

from agent.errors import ConfigError

_HEADER = re.compile(r"^\s*\[\[?\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"""^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")


@dataclass(frozen=True)
class TomlSource:
    """The parsed tables of one file and the line of each dotted key."""

    path: Path
    tables: dict[str, Any]
    lines: dict[str, int] = field(default_factory=dict)

    def line(self, key: str) -> int:
        """Return the line of `key`, or of the nearest table around it; 0 where neither stands in the file."""
        while key and key not in self.lines:
            key = key.rpartition(".")[0]
        return self.lines.get(key, 0)

    def place(self, key: str) -> str:
        """Return `file:line` of `key`, as far as it is known."""
        line = self.line(key)
        return f"{self.path}:{line}" if line else str(self.path)


def read_toml(path: Path) -> TomlSource:
    """Read and parse `path`; raises `ConfigError` naming the file, and the line where the syntax is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: expected text in UTF-8 ({error.reason} at byte {error.start})") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); expected a configuration file") from None
    try:
        tables = toml.loads(text)
    except toml.TomlDecodeError as error:
        raise ConfigError(f"{path}:{error.lineno}: not valid TOML: {error.msg}") from None
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        # The parser leaves some malformed input to the errors of its own internals.
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    return TomlSource(path, tables, _key_lines(text))


def _key_lines(text: str) -> dict[str, int]:
    lines: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = _plain(header[1])
            _note(lines, table, number)
        elif key := _KEY.match(line):
            _note(lines, f"{table}.{_plain(key[1])}".lstrip("."), number)
    return lines


def _note(lines: dict[str, int], key: str, number: int) -> None:
    """Note the line of `key` and of the tables around it that had no line of their own before."""
    while key:
        lines.setdefault(key, number)
        key = key.rpartition(".")[0]


def _plain(key: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in key.split("."))

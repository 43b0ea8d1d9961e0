"""A TOML file as tables, and where in it each key stands, so that a complaint can name the line."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import toml

from agent.config.toml_words import ODD, fault, place
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

    def order(self, key: str) -> tuple[int, int]:
        """Return what problems of this file are told in the order of."""
        return (0, self.line(key))

    def place(self, key: str) -> str:
        """Return `file:line` of `key`, as far as it is known."""
        line = self.line(key)
        return f"{self.path}:{line}" if line else str(self.path)


def read_toml(path: Path) -> TomlSource:
    """Read and parse `path`; raises `ConfigError` naming the file, and the line where the syntax is wrong.

    Nothing that stands in the file is in the message.
    """
    text = _read(path)
    judged = _judge(path, text)
    try:
        tables = toml.loads(text)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        # The parser leaves some input to the errors of its own internals, and its messages quote the file.
        line = f":{error.lineno}" if isinstance(error, toml.TomlDecodeError) else ""
        raise ConfigError(f"{path}{line}: not valid TOML: {ODD}") from None
    lines = _key_lines(text)
    try:
        key = next(_differences(tables, judged), None)
    except RecursionError:  # a key of thousands of parts
        raise ConfigError(f"{path}: not valid TOML: {ODD}") from None
    if key is not None:
        where = f":{lines[key]}" if key in lines else ""
        raise ConfigError(f"{path}{where}: not valid TOML: this can be read in two ways; write it more simply")
    return TomlSource(path, tables, lines)


def _read(path: Path) -> str:
    if path.is_dir():
        raise ConfigError(f"{path}: cannot be read: it is a folder; expected a configuration file, such as config.toml")
    try:
        text = path.read_text(encoding="utf-8").removeprefix("\ufeff")  # some editors put that mark in front
    except UnicodeDecodeError as error:
        why = f"{error.reason} at byte {error.start}"
        raise ConfigError(f"{path}: expected text in UTF-8 ({why}); save the file as UTF-8") from None
    except (OSError, ValueError) as error:
        why = (isinstance(error, OSError) and error.strerror) or "this is no name of a file"
        raise ConfigError(f"{path}: cannot be read ({why}); expected a configuration file") from None
    if "\0" in text:  # as every second byte of UTF-16 is
        raise ConfigError(f"{path}: expected text in UTF-8 (there are zero bytes in it); save the file as UTF-8")
    return text


def _judge(path: Path, text: str) -> dict[str, Any]:
    """Parse by the stricter parser, which knows the place of each fault."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line, column = place(str(error), text)
        words = fault(str(error), [*text.split("\n"), ""][line - 1])
        at = f" at column {column}" if column else ""
        raise ConfigError(f"{path}:{line}: not valid TOML{at}: {words}") from None
    except (ValueError, RecursionError):  # a number of thousands of digits, a nest of thousands of brackets
        raise ConfigError(f"{path}: not valid TOML: {ODD}") from None


def _differences(tables: Any, judged: Any, where: str = "") -> Iterator[str]:
    """Yield the dotted keys that two parsers read differently."""
    if isinstance(tables, dict) and isinstance(judged, dict):
        for key in tables.keys() | judged.keys():
            inner = f"{where}.{key}".lstrip(".")
            yield from _differences(tables.get(key), judged.get(key), inner)
    elif type(tables) is not type(judged) or (tables != judged and tables == tables):
        yield where


def _key_lines(text: str) -> dict[str, int]:
    lines: dict[str, int] = {}
    table = ""
    for number, line in enumerate(text.split("\n"), start=1):
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

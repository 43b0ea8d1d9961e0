"""Whatever anybody writes, a line of the log or the terminal is one line, begins as ours do and moves no cursor."""

from __future__ import annotations

import ast
import io
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from agent import cli
from agent.service.journal import JournalFormatter, SafeFormatter
from agent.terminal import say

ROOT = Path(__file__).parents[1]
BREAKS = ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028"]
ESCAPES = ["\x1b[2J", "\x9b31m", "\u202e", "\x00", "\ud800", "%s"]
FORGED = ["<0>agent.kiosk: forged", "12:00:00.000 ERROR agent.kiosk: forged", "door open"]
POISON = st.lists(st.sampled_from([*BREAKS, *ESCAPES, *FORGED]) | st.text(max_size=5), max_size=8).map("".join)


class Odd:
    """An object that writes itself as it likes."""

    def __init__(self, words: str) -> None:
        self.words = words

    def __str__(self) -> str:
        return self.words

    __repr__ = __str__


SHAPES = [str, Odd, ValueError, lambda words: {words: words}, lambda words: [Odd(words)],
          lambda words: words.encode("utf-8", "replace")]  # fmt: skip


def failure(words: str) -> Any:
    """An exception with a cause, notes and companions, all of which quote."""
    try:
        try:
            raise KeyError(words)
        except KeyError as error:
            raise ExceptionGroup(words.replace("\x00", ""), [ValueError(words), OSError(5, words)]) from error
    except ExceptionGroup as error:
        error.add_note(words)
        return type(error), error, error.__traceback__


@given(POISON, POISON, st.sampled_from(SHAPES), st.booleans(), st.booleans())
def test_no_word_forges_a_line_of_the_log(message: str, words: str, shape: Any, fails: bool, stands: bool) -> None:
    record = logging.LogRecord("agent.kiosk", logging.INFO, "", 0, message.replace("%", "") + " %s", (shape(words),),
                               failure(words) if fails else None)  # fmt: skip
    record.exc_text = words if fails else None
    record.stack_info = words if stands else None

    for formatter, head in ((JournalFormatter(), "<6>"), (SafeFormatter("%(name)s: %(message)s"), "")):
        first, *more = formatter.format(record).split("\n")
        assert first.startswith(f"{head}agent.kiosk: ")
        assert all(line.startswith(f"{head}  ") or line == f"{head}" for line in more)
        assert all(line.isprintable() for line in (first, *more))
        assert not more or fails or stands


@given(st.lists(POISON, max_size=4))
def test_what_is_said_on_a_terminal_has_as_many_lines_as_were_given(lines: list[str]) -> None:
    say(*lines, to=(out := io.StringIO()))

    said = out.getvalue().split("\n")
    assert len(said) == len(lines) + 1
    assert all(line.isprintable() for line in said)


def calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))


def test_one_function_prints() -> None:
    printing = ("print", "sys.stdout.write", "sys.stderr.write")
    places = {str(path.relative_to(ROOT)) for top in ("agent", "hw") for path in (ROOT / top).rglob("*.py")
              for call in calls(path) if ast.unparse(call.func) in printing}  # fmt: skip

    assert places == {"agent/terminal.py"}


LEVELS = ("debug", "info", "warning", "error", "critical", "exception")


def test_what_is_logged_is_a_text_of_ours_with_the_words_of_others_beside_it() -> None:
    """The kind of a message is its text: one made of foreign words would also fill the memory of what was told."""
    wrong = [f"{path.relative_to(ROOT)}:{call.lineno}" for top in ("agent", "hw") for path in (ROOT / top).rglob("*.py")
             for call in calls(path)
             if isinstance(call.func, ast.Attribute) and call.func.attr in LEVELS and call.args
             and ast.unparse(call.func.value).rpartition(".")[2] in ("log", "_log", "_strangers", "strangers", "_deaf")
             and isinstance(call.args[0], ast.JoinedStr)]  # fmt: skip

    assert not wrong


def test_a_warning_before_anybody_said_where_the_log_goes_is_one_line_too() -> None:
    cli.main(["check", "/nowhere"])
    handler = logging.lastResort
    assert handler is not None
    assert isinstance(handler.formatter, SafeFormatter)
    assert handler.format(logging.LogRecord("agent", logging.WARNING, "", 0, "a\n%s", ("b\x1b",), None)) == "a / b?"

"""What log lines look like in the journal and on a terminal."""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.service.journal import goes_to_journal, priority, set_up_logging


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def announced(stream: io.TextIOBase) -> dict[str, str]:
    status = os.fstat(stream.fileno())
    return {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}


def test_in_the_journal_each_line_carries_the_priority_of_its_message(tmp_path: Path) -> None:
    with (tmp_path / "journal").open("w+") as stream:
        set_up_logging("info", stream, announced(stream))

        logging.getLogger("agent.kiosk").error("no sound card\nplug it in")
        logging.getLogger("agent.kiosk").error("it failed", exc_info=ValueError("so\nit is"))

        stream.seek(0)
        assert stream.read().splitlines() == [
            "<3>agent.kiosk: no sound card / plug it in",
            "<3>agent.kiosk: it failed",
            "<3>  ValueError: so",
            "<3>  it is",
        ]


def test_on_a_terminal_a_line_begins_with_the_time() -> None:
    stream = io.StringIO()
    set_up_logging("info", stream, {})

    logging.getLogger("agent.kiosk").info("ready")

    time, rest = stream.getvalue().split(" ", 1)
    assert (len(time), rest) == (len("12:00:00.000"), "INFO agent.kiosk: ready\n")


def test_lines_below_the_level_are_dropped() -> None:
    stream = io.StringIO()
    set_up_logging("warning", stream, {})

    logging.getLogger("agent.kiosk").info("ready")

    assert stream.getvalue() == ""


def test_a_library_stays_quiet_even_at_debug() -> None:
    stream = io.StringIO()
    set_up_logging("debug", stream, {})

    logging.getLogger("websockets.client").debug("> GET /signal?token=abc")

    assert stream.getvalue() == ""


def test_a_redirected_stream_is_not_the_journal(tmp_path: Path) -> None:
    with (tmp_path / "journal").open("w") as journal, (tmp_path / "file").open("w") as elsewhere:
        assert not goes_to_journal(elsewhere, announced(journal))


@pytest.mark.parametrize(
    ("level", "number"),
    [(logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (logging.DEBUG, 7), (5, 7)],
)
def test_levels_map_to_syslog_priorities(level: int, number: int) -> None:
    assert priority(level) == number


@pytest.mark.parametrize("words", ["x\x1b[2J\r\x07y", "x\n12:00:00.000 ERROR agent: forged", "x\u2028\x85\u202ey"])
@pytest.mark.parametrize("in_journal", [True, False])
def test_whatever_a_line_is_made_of_it_is_printable_and_one_line(tmp_path: Path, words: str, in_journal: bool) -> None:
    with (tmp_path / "journal").open("w+") as stream:
        set_up_logging("info", stream, announced(stream) if in_journal else {})

        logging.getLogger("agent.kiosk").error("the service says: %s, %r", words, ValueError(words))

        stream.seek(0)
        (line, rest) = stream.read().split("\n")
    assert line.isprintable()
    assert (line.count("agent.kiosk: the service says"), rest) == (1, "")


def test_an_exception_that_quotes_its_input_forges_no_line(tmp_path: Path) -> None:
    stream = io.StringIO()
    set_up_logging("info", stream, {})

    try:
        raise ValueError("bad\x1b[31m\n12:00:00.000 ERROR agent.kiosk: forged")
    except ValueError:
        logging.getLogger("agent.kiosk").exception("it failed")

    first, *more = stream.getvalue().splitlines()
    assert first.endswith("agent.kiosk: it failed")
    assert all(line.startswith("  ") and line.isprintable() for line in more)

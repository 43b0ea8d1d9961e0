"""Where log lines go and how they look: with a time on a terminal, with a syslog priority in the journal.

The journal takes `<N>` at the head of a line as its priority (sd-daemon(3)) and adds time and unit by itself.
"""

from __future__ import annotations

import copy
import logging
import os
import sys
from collections.abc import Mapping
from typing import Any, TextIO

from agent.log import harmless, one_line

_TERMINAL_FORMAT = "%(asctime)s.%(msecs)03d %(levelname)s %(name)s: %(message)s"
_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_DEBUG_PRIORITY = 7


class SafeFormatter(logging.Formatter):
    """The last gate before a terminal or the journal: only what is printable passes, and nobody else begins a line.

    A message is one line, whatever it is made of. What may follow, a traceback, is indented.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Write the record's lines."""
        safe = copy.copy(record)
        safe.exc_text = None  # another formatter may have left its own
        return harmless(super().format(safe))

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Write the line of the message."""
        return one_line(super().formatMessage(record))

    def formatException(self, failure: Any) -> str:
        """Write a traceback, indented: an exception may quote what begins like a line of ours."""
        return _indented(super().formatException(failure))

    def formatStack(self, stack_info: str) -> str:
        """Write the stack of a record, likewise."""
        return _indented(super().formatStack(stack_info))


def _indented(text: str) -> str:
    return "\n".join("  " + line for line in text.splitlines())


class JournalFormatter(SafeFormatter):
    """One line of the journal for each line of the message, all with the message's priority."""

    def __init__(self) -> None:
        super().__init__("%(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Write the record's lines, each with its priority in front."""
        head = f"<{priority(record.levelno)}>"
        return "\n".join(head + line for line in super().format(record).split("\n"))


def priority(level: int) -> int:
    """Return the syslog priority of a level of `logging`."""
    return next((number for lowest, number in _PRIORITIES if level >= lowest), _DEBUG_PRIORITY)


def goes_to_journal(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Tell whether `stream` is the connection to the journal that systemd announced in JOURNAL_STREAM."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def set_up_logging(level: str = "info", stream: TextIO | None = None, environ: Mapping[str, str] = os.environ) -> None:
    """Send all log lines from `level` (debug, info, warning, error) on to `stream` (standard error)."""
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    if goes_to_journal(stream, environ):
        handler.setFormatter(JournalFormatter())
    else:
        handler.setFormatter(SafeFormatter(_TERMINAL_FORMAT, "%H:%M:%S"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # Libraries at debug drown everything, and some print what a log must never hold.
    for library in ("aioice", "aiortc", "asyncio", "websockets"):
        logging.getLogger(library).setLevel(max(logging.WARNING, logging.getLogger().level))

"""Takes what nobody caught into the log, where it is made printable and noticed, instead of straight to stderr."""

from __future__ import annotations

import io
import logging
import sys
import threading
from types import TracebackType
from typing import Any

import gevent

log = logging.getLogger(__name__)


def log_what_nobody_caught() -> None:
    """Install it for the main greenlet, others, native threads, and callbacks of C libraries; once a process."""
    sys.excepthook = _main_failed
    gevent.get_hub().exception_stream = _GreenletFailures()
    threading.excepthook = _thread_failed
    sys.unraisablehook = _unraisable


def _main_failed(kind: type[BaseException], failure: BaseException, traceback: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, failure, traceback)
    else:
        log.critical("the program failed", exc_info=(kind, failure, traceback))


def _thread_failed(failure: threading.ExceptHookArgs) -> None:
    if failure.exc_value is not None:
        name = failure.thread.name if failure.thread else "?"
        log.error("the thread %s failed", name, exc_info=failure.exc_value)


def _unraisable(failure: Any) -> None:
    if failure.exc_value is not None:
        log.error("a callback failed: %s", failure.err_msg or "nobody can be told", exc_info=failure.exc_value)


class _GreenletFailures(io.TextIOBase):
    """Where gevent's hub writes the traceback of a greenlet that failed, piece by piece."""

    def __init__(self) -> None:
        super().__init__()
        self._said = ""

    def write(self, text: str) -> int:
        """Gather; the last line is `TIME GREENLET failed with EXCEPTION`."""
        self._said += text
        if " failed with " in self._said and self._said.endswith("\n"):
            said, self._said = self._said, ""
            *traceback, last = said.strip().splitlines()
            log.error("nobody caught it: %s", last, extra={"fault": True})
            for line in traceback:
                log.error("  %s", line)
        return len(text)

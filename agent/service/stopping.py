"""How the agent ends: on signals, in order, and in time whatever still hangs."""

from __future__ import annotations

import faulthandler
import logging
import os
import signal
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import monotonic

import gevent

from agent.closing import Closing

log = logging.getLogger(__name__)

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
STOP_WITHIN_S = 1.8  # of a command that nobody gives another time: 2 s are promised
LAST_WORDS_S = 0.1
STDERR = 2  # whatever took the place of `sys.stderr`
ONE_PRESS_S = 0.3  # one Ctrl-C may arrive twice: from the terminal, and passed on by a parent process


class StopSignals(Closing):
    """Calls `stop(reason)` once, in a greenlet, at the first SIGTERM, SIGINT or SIGHUP; a second SIGINT leaves.

    Whatever hangs then, the process ends within `within_s`, with `status`; 0: it was asked to end, and did.
    With `on_hangup`, each SIGHUP calls that instead, unless it means that the terminal was closed.
    """

    def __init__(
        self,
        stop: Callable[[str], None],
        on_hangup: Callable[[], None] | None = None,
        within_s: float = STOP_WITHIN_S,
        status: int = 0,
    ) -> None:
        self._stop = stop
        self._within_s = within_s
        self._status = status
        self._reason: str | None = None
        self._since = 0.0
        self._on_hangup = on_hangup
        self._has_terminal = _has_terminal()
        self._shown = [fd for fd in (1, 2) if os.isatty(fd)]
        self._watchers = [gevent.signal_handler(number, self._caught, number) for number in STOP_SIGNALS]

    def close(self) -> None:
        """Give the signals back; idempotent."""
        for watcher in self._watchers:
            watcher.cancel()
        self._watchers = []

    def _caught(self, number: signal.Signals) -> None:
        terminal_closed = number is signal.SIGHUP and self._has_terminal and not _has_terminal()
        if terminal_closed:
            self._leave_terminal()
        if number is signal.SIGHUP and self._on_hangup is not None and not terminal_closed:
            self._on_hangup()
        elif self._reason is None:
            self._reason = number.name
            self._since = monotonic()
            log.info("stopping: %s", number.name)
            leave_by(self._within_s, self._status)
            self._stop(number.name)
        elif number is signal.SIGINT and monotonic() - self._since > ONE_PRESS_S:
            log.warning("stopping at once: a second %s", number.name)
            os._exit(128 + number)

    def _leave_terminal(self) -> None:
        """Write to nowhere from now on: with lines left that it cannot write, Python would end with status 120."""
        with Path(os.devnull).open("wb", buffering=0) as nowhere:
            for fd in self._shown:
                os.dup2(nowhere.fileno(), fd)


def _has_terminal() -> bool:
    """Whether the process can be reached from a terminal; no longer when that was closed."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def show_stacks_on_abort() -> None:
    """Let SIGABRT (a missed watchdog) and crashes print the stack of every thread on stderr."""
    faulthandler.enable(STDERR)


def leave_by(deadline_s: float, status: int) -> None:
    """End the process after `deadline_s` whatever still hangs; a native thread, so a stuck hub cannot prevent it."""

    def tell() -> None:
        log.error("the orderly stop took longer than %.1f s; leaving", deadline_s)

    # Apart, because whoever hangs may hold what the log needs.
    for after_s, act in ((deadline_s, tell), (deadline_s + LAST_WORDS_S, partial(os._exit, status))):
        timer = threading.Timer(after_s, act)
        timer.daemon = True
        timer.start()

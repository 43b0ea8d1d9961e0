"""Logging habits shared by all rooms: first failure a warning, repeats at debug, recovery one line.

What somebody else wrote passes through `excerpt` or `one_line` (a line), `harmless` (a text) or `tidy` (a whole status)
before it is logged or shown; `agent.service.journal` and `agent.terminal` are the last gates.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic
from typing import Any, ClassVar

from hw.words import MOST_WHY, excerpt, harmless, one_line, tidy

__all__ = ["MOST_WHY", "FailureLog", "SeldomLog", "excerpt", "harmless", "one_line", "tidy"]

SELDOM_S = 60.0


class FailureLog:
    """Logs one recurring failure without flooding: warn once, count the repeats, report the recovery.

    What fails, recovers and fails again is told once in SELDOM_S.
    """

    def __init__(self, log: logging.Logger, what: str, clock: Callable[[], float] = monotonic) -> None:
        self._log = log
        self._what = what
        self._clock = clock
        self._warned_at = -SELDOM_S
        self._is_told = False  # this series
        self.count = 0

    def failed(self, why: object) -> None:
        """Note one more failure; only the first of a series is a warning."""
        self.count += 1
        why = excerpt(why, MOST_WHY)
        now = self._clock()
        if self.count == 1 and now - self._warned_at >= SELDOM_S:
            self._is_told, self._warned_at = True, now
            self._log.warning("%s failed: %s", self._what, why)
        else:
            self._log.debug("%s failed %d times in a row: %s", self._what, self.count, why)

    def recovered(self) -> None:
        """Note success; logged only when it ends a series of failures that was told."""
        if self._is_told:
            self._log.info("%s works again after %d failure%s", self._what, self.count, "s" if self.count > 1 else "")
        self._is_told = False
        self.count = 0


class SeldomLog:
    """Logs what others can provoke: each kind of it, which is a logger and its constant `message`, once in SELDOM_S.

    The whole process has one memory of that, for it can be provoked through any number of calls and connections. What
    others wrote belongs into `arguments`, cut by `excerpt`, because each message is remembered.
    """

    # Of each kind: when it was logged, and how often it came since.
    _since: ClassVar[dict[tuple[str, str], tuple[float, int]]] = {}

    def __init__(self, log: logging.Logger, clock: Callable[[], float] = monotonic) -> None:
        self._log = log
        self._clock = clock

    def warning(self, message: str, *arguments: object, exc_info: Any = None) -> None:
        """Log a warning, or only count."""
        self.say(logging.WARNING, message, *arguments, exc_info=exc_info)

    def say(self, level: int, message: str, *arguments: object, exc_info: Any = None) -> None:
        """Log, or only count; the next line tells how often it came since."""
        kind, now = (self._log.name, message), self._clock()
        at, unsaid = self._since.get(kind, (now - SELDOM_S, 0))
        if now - at < SELDOM_S:
            self._since[kind] = at, unsaid + 1
            return
        self._since[kind] = now, 0
        more = f" ({unsaid} more since the last time)" if unsaid else ""
        self._log.log(level, message + "%s", *map(_argument, arguments), more, exc_info=exc_info)


def _argument(given: object) -> object:
    return given if isinstance(given, int | float) else excerpt(given, MOST_WHY)

"""Logging habits shared by all rooms: first failure a warning, repeats at debug, recovery one line."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

SELDOM_S = 60.0


class FailureLog:
    """Logs one recurring failure without flooding: warn once, count the repeats, report the recovery."""

    def __init__(self, log: logging.Logger, what: str) -> None:
        self._log = log
        self._what = what
        self.count = 0

    def failed(self, why: object) -> None:
        """Note one more failure; only the first of a series is a warning."""
        self.count += 1
        if self.count == 1:
            self._log.warning("%s failed: %s", self._what, why)
        else:
            self._log.debug("%s failed %d times in a row: %s", self._what, self.count, why)

    def recovered(self) -> None:
        """Note success; logged only when it ends a series of failures."""
        if self.count:
            self._log.info("%s works again after %d failure%s", self._what, self.count, "s" if self.count > 1 else "")
            self.count = 0


class Seldom:
    """Logs what others can provoke: each message, whatever its arguments, at most once a minute."""

    def __init__(self, log: logging.Logger, now: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._now = now
        self._said: dict[str, tuple[float, int]] = {}  # message -> when it was last logged, how often it was not since

    def warning(self, message: str, *args: object) -> None:
        self.say(logging.WARNING, message, *args)

    def say(self, level: int, message: str, *args: object) -> None:
        """Log it, unless it was logged less than a minute ago; the next line tells how often that happened.

        `message` is a fixed text, because each one is remembered: what others wrote belongs into `args`.
        """
        now = self._now()
        at, left_out = self._said.get(message, (-SELDOM_S, 0))
        if now - at < SELDOM_S:
            self._said[message] = (at, left_out + 1)
            return
        self._said[message] = (now, 0)
        if left_out:
            self._log.log(level, f"{message} (and %d more like it since the last such line)", *args, left_out)
        else:
            self._log.log(level, message, *args)


def excerpt(text: object, most: int = 40) -> str:
    """The beginning of what somebody else wrote, fit for a log line: at most `most` printable characters."""
    given = str(text)
    line = "".join(c if c.isprintable() else "?" for c in given[:most])
    return line if len(given) <= most else f"{line}…"

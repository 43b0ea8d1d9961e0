"""Logging habits shared by all rooms: first failure a warning, repeats at debug, recovery one line."""

from __future__ import annotations

import logging


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

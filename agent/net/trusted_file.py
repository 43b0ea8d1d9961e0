"""Whom a TLS client trusts, as its file of authorities says now: a file that changed is read again."""

from __future__ import annotations

import logging
from pathlib import Path

from gevent.ssl import SSLContext

from agent.errors import ConfigError
from agent.file_stamps import stamps
from agent.log import FailureLog
from agent.net.tls import client_context

log = logging.getLogger(__name__)


class TrustedFile:
    """Gives the context for each new connection; raises ConfigError when `ca_file` cannot be used at first."""

    def __init__(self, ca_file: str | None = None) -> None:
        self._ca_file = ca_file
        self._file = Path(ca_file).expanduser() if ca_file else None
        self._read = self._state()
        self._context = client_context(ca_file)
        self._failures = FailureLog(log, f"reading {ca_file} again")

    def context(self) -> SSLContext:
        """Return what the file says now; what it said before, while it cannot be used."""
        if (state := self._state()) != self._read:
            self._read = state
            try:
                self._context = client_context(self._ca_file)
            except ConfigError as error:
                self._failures.failed(error)
            else:
                self._failures.recovered()
                log.info("the authorities in %s have changed, and are trusted from now on", self._file)
        return self._context

    def _state(self) -> object:
        return stamps([self._file]) if self._file is not None else None

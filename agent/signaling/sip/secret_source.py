"""Keeps the password of one box at hand: read at the start, when its file changes, and after it was refused."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from gevent.event import Event

from agent.handlers import HubEmitter
from agent.hub_clock import wait_to_round
from agent.log import FailureLog
from agent.signaling.sip.secret import SecretError, read_secret
from agent.signaling.sip.settings import SipSettings

log = logging.getLogger(__name__)

BEAT_S: Final = 10.0  #: also between two looks at the file
AGAIN_S: Final = 60.0  #: after a password that could not be had, or was refused


class SecretSource(HubEmitter):
    """Events: `secret()` whenever there is another one, the first included; `error(SecretError)` for none."""

    def __init__(self, settings: SipSettings, identity: str) -> None:
        super().__init__()
        self.secret: str | None = None  #: the latest one; None before there is any
        self._settings = settings
        self._identity = identity
        self._failures = FailureLog(log, "getting the password")
        self._wake = Event()
        self._stamp: int | None = None
        self._due_s: float | None = None

    def current(self) -> str:
        """Return the latest password; empty while there is none."""
        return self.secret or ""

    def refused(self) -> None:
        """Look again, later, whether there is another password."""
        if self._settings.secret_source != "secret" and self._due_s is None:
            self._due_s = time.monotonic() + AGAIN_S

    def network_changed(self) -> None:
        """Try at once again to get a password that could not be had: a command may need the network."""
        if self.secret is None:
            self._due_s = time.monotonic()
            self._wake.set()

    def run(self, beat: Callable[[], object] = lambda: None) -> None:
        """Look after it until the calling greenlet is killed; `beat()` is called at least every BEAT_S in between."""
        self._due_s = time.monotonic()
        while True:
            beat()
            if self._has_changed() or (self._due_s is not None and time.monotonic() >= self._due_s):
                self._get()
            pause_s = None if self._due_s is None else self._due_s - time.monotonic()
            wait_to_round(self._wake, pause_s, BEAT_S)
            self._wake.clear()

    def _get(self) -> None:
        self._due_s = None
        try:
            secret = read_secret(self._settings, self._identity)
        except SecretError as error:
            self._due_s = time.monotonic() + AGAIN_S
            self._failures.failed(error)
            self.emit("error", error)
            return
        self._failures.recovered()
        if secret != self.secret:
            self.secret = secret
            self.emit("secret")

    def _has_changed(self) -> bool:
        if not self._settings.secret_file:
            return False
        try:
            stamp: int | None = Path(self._settings.secret_file).expanduser().stat().st_mtime_ns
        except OSError:
            stamp = None
        changed, self._stamp = stamp != self._stamp, stamp
        return changed

"""The access token of one box: fetched, renewed in time, and handed on as events."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

import gevent
from gevent.event import Event

from agent.errors import AgentError
from agent.handlers import HubEmitter
from agent.hub_clock import wait_to_round
from agent.log import FailureLog
from agent.signaling.token.access_token import ApiKey, Validity, mint_token, token_validity
from agent.signaling.token.fetch import TokenError, fetcher, read_key
from agent.signaling.token.renewal import Renewal
from agent.signaling.token.token_settings import TokenSettings

__all__ = [
    "ApiKey",
    "TokenError",
    "TokenSettings",
    "TokenSource",
    "Validity",
    "mint_token",
    "read_key",
    "token_validity",
]

log = logging.getLogger(__name__)

FILE_POLL_S = 10.0
BEAT_S = 10.0


class TokenSource(HubEmitter):
    """Keeps a usable token for `identity`.

    Events: `token(str)` whenever there is a new one, the first included, and after a refusal; `error(TokenError)`
    whenever none could be had. Raises InvalidArgumentError when the settings name no source.
    """

    def __init__(self, settings: TokenSettings, identity: str) -> None:
        super().__init__()
        self.token: str | None = None  #: the latest one
        self._settings = settings
        self._fetch = fetcher(settings, identity)
        is_fixed = settings.source in ("value", "file")
        self._renewal = Renewal(settings.renew_before_s, None if is_fixed else settings.opaque_life_s)
        self._failures = FailureLog(log, "getting an access token")
        self._wake = Event()
        self._available = Event()
        self._greenlet: gevent.Greenlet[..., None] | None = None
        self._file_stamp: int | None = None
        self._is_refused = False

    def start(self) -> None:
        """Begin to fetch and renew, in a greenlet of its own; returns at once, idempotent."""
        if self._greenlet is None:
            self._greenlet = gevent.spawn(self.run)

    def wait(self, timeout_s: float | None = None) -> str | None:
        """Wait for the first token; None when there is none after `timeout_s`."""
        self._available.wait(timeout_s)
        return self.token

    def refused(self) -> None:
        """Get another token for one that the service does not accept (expired, invalid).

        The source may have no other: then the same is handed on again, for the service may have changed its mind.
        """
        self._is_refused = True
        self._renewal.refused(time.monotonic())
        self._wake.set()

    def told(self, ttl_s: float) -> None:
        """Renew by what the service says of the token that it has taken: no clock has to be right for that."""
        self._renewal.told(ttl_s, time.monotonic())
        self._wake.set()

    def network_changed(self) -> None:
        """Try a fetch that failed again at once."""
        self._renewal.network_changed(time.monotonic())
        self._wake.set()

    def stop(self) -> None:
        """Fetch nothing more; idempotent."""
        if self._greenlet is not None:
            self._greenlet.kill(block=False)
            self._greenlet = None

    def fetch(self) -> str:
        """Get a token now, blocking the calling greenlet; raises TokenError."""
        return self._fetch()

    def run(self, beat: Callable[[], object] = lambda: None) -> None:
        """Fetch and renew until the calling greenlet is killed: for those who look after their greenlets themselves.

        `beat()` is called at least every BEAT_S while nothing is fetched.
        """
        self._renewal.changed(time.monotonic())
        while True:
            beat()
            self._look_at_file()
            if self._renewal.begin(time.monotonic()):
                self._renew()
            wait_to_round(self._wake, self._pause_s(), BEAT_S)
            self._wake.clear()

    def _renew(self) -> None:
        try:
            token = self._fetch()
        except (AgentError, OSError, ValueError) as exc:
            failure = exc if isinstance(exc, TokenError) else TokenError(str(exc))
            self._renewal.failed(time.monotonic())
            self._failures.failed(failure)
            self.emit("error", failure)
            return
        self._failures.recovered()
        self._renewal.obtained(token_validity(token), unix_now=time.time(), now=time.monotonic())
        if token != self.token or self._is_refused:
            self.token, self._is_refused = token, False
            self._available.set()
            self.emit("token", token)

    def _pause_s(self) -> float | None:
        due_s = self._renewal.due_s
        pause_s = None if due_s is None else max(0.0, due_s - time.monotonic())
        if self._settings.source != "file":
            return pause_s
        return FILE_POLL_S if pause_s is None else min(pause_s, FILE_POLL_S)

    def _look_at_file(self) -> None:
        if self._settings.source != "file":
            return
        try:
            stamp: int | None = Path(self._settings.file).expanduser().stat().st_mtime_ns
        except OSError:
            stamp = None
        if stamp != self._file_stamp:
            self._file_stamp = stamp
            self._renewal.changed(time.monotonic())

"""Serves the box's page, and goes on trying while its address is taken."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import gevent
import gevent.socket
from gevent.event import Event

from agent.files import write_private
from agent.hub_clock import sleep_to_round
from agent.log import FailureLog
from agent.page.api_keys import ApiSettings
from agent.page.box import Box
from agent.page.server import NO_KEYS, Page
from agent.page.settings import PageSettings
from agent.supervision.heartbeat import Heartbeat

log = logging.getLogger(__name__)

RETRY_S = 5.0
LOOK_S = 10.0  # between two questions whether it still serves
ANSWER_S = 15.0
KEY_NAME = "page.key"
KEY_BYTES = 9


class PageHost:
    """`run` is a child for the supervisor; `trouble(why)` is told why there is no page, and "" when there is one.

    A page without a password is for everybody on this machine. Where it can open a door, each start makes a password of
    its own instead, and writes it into `key_file`: for those who may use the control socket beside it.
    """

    def __init__(
        self,
        settings: PageSettings,
        box: Box,
        trouble: Callable[[str], None],
        key_file: Path | None = None,
        api: ApiSettings = NO_KEYS,
    ) -> None:
        self.url = ""  #: where a browser finds the page; empty while it is not served
        self.served = Event()
        self._settings = settings
        self._api = api
        self._box = box
        self._trouble = trouble
        self._key_place = key_file
        self._key_file = None if settings.password else key_file
        self._failures = FailureLog(log, "serving the page")

    def use(self, settings: PageSettings, api: ApiSettings = NO_KEYS) -> None:
        """Serve with these settings from the next `run` on."""
        self._api = api
        self._settings = settings
        self._key_file = None if settings.password else self._key_place

    def run(self, heartbeat: Heartbeat) -> None:
        """Serve until it is killed; nothing where the page is switched off."""
        if not self._settings.enabled:
            self._trouble("")
            Event().wait()
        while (page := self._try()) is None:
            heartbeat.beat()
            gevent.sleep(RETRY_S)
        self.url = page.url
        self.served.set()
        try:
            while True:
                heartbeat.beat()
                sleep_to_round(LOOK_S)
                self._ask(page)
        finally:
            self.url = ""
            self.served.clear()
            page.close()
            if self._key_file is not None:
                self._key_file.unlink(missing_ok=True)

    def _ask(self, page: Page) -> None:
        """Ask for nothing in particular; raises OSError when nobody answers."""
        nobody = OSError("the page answers nobody")
        with gevent.Timeout(ANSWER_S, nobody), gevent.socket.create_connection(page.reachable_at) as visitor:
            visitor.sendall(b"GET /alive HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            if not visitor.recv(64):
                raise nobody

    def describe(self) -> dict[str, str]:
        """Tell where the page is, and which file holds its password; ready for JSON."""
        return {"url": self.url, "key_file": str(self._key_file or "")}

    def _try(self) -> Page | None:
        page = None
        try:
            page = Page(self._guarded(), self._box, self._api)
            page.start()
        except OSError as error:
            if page is not None:
                page.close()
            why = f"the page cannot be served at {self._settings.listen}: {error.strerror or error}"
            self._failures.failed(why)
            self._trouble(f"{why}; choose another [page] listen")
            return None
        self._failures.recovered()
        self._trouble("")
        return page

    def _guarded(self) -> PageSettings:
        if self._key_file is None:
            return self._settings
        key = secrets.token_urlsafe(KEY_BYTES)
        write_private(self._key_file, f"{key}\n".encode())
        return replace(self._settings, password=key)

"""Serves the box's page, and goes on trying while its address is taken."""

from __future__ import annotations

import logging
from collections.abc import Callable

import gevent
from gevent.event import Event

from agent.log import FailureLog
from agent.page.box import Box
from agent.page.server import Page
from agent.page.settings import PageSettings
from agent.supervision.heartbeat import Heartbeat

log = logging.getLogger(__name__)

RETRY_S = 5.0


class PageHost:
    """`run` is a child for the supervisor; `trouble(why)` is told why there is no page, and "" when there is one."""

    def __init__(self, settings: PageSettings, box: Box, trouble: Callable[[str], None]) -> None:
        self.url = ""  #: where a browser finds the page; empty while it is not served
        self.served = Event()
        self._settings = settings
        self._box = box
        self._trouble = trouble
        self._failures = FailureLog(log, "serving the page")

    def run(self, heartbeat: Heartbeat) -> None:
        """Serve until it is killed."""
        while (page := self._try()) is None:
            heartbeat.beat()
            gevent.sleep(RETRY_S)
        self.url = page.url
        self.served.set()
        try:
            Event().wait()
        finally:
            self.url = ""
            self.served.clear()
            page.close()

    def _try(self) -> Page | None:
        page = Page(self._settings, self._box)
        try:
            page.start()
        except OSError as error:
            page.close()
            why = f"the page cannot be served at {self._settings.listen}: {error.strerror or error}"
            self._failures.failed(why)
            self._trouble(f"{why}; choose another [page] listen")
            return None
        self._failures.recovered()
        self._trouble("")
        return page

"""Serves the figures at /metrics, over the same bounded connections as the page."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from gevent.pool import Pool
from gevent.pywsgi import WSGIServer

from agent.closing import Closing
from agent.house.metrics.settings import MetricsSettings
from agent.log import SeldomLog
from agent.page.connection import PageConnection, error_body
from agent.page.crowd import Crowd
from agent.page.guard import Guard, Refusal
from agent.page.server import request_headers

log = logging.getLogger(__name__)

MAX_CONNECTIONS = 16
PATH = "/metrics"

_Start = Callable[[str, list[tuple[str, str]]], Any]


class MetricsServer(Closing):
    """The web server; `render()` makes the text, and returns it with its content type."""

    def __init__(self, settings: MetricsSettings, render: Callable[[], tuple[bytes, str]]) -> None:
        self._render = render
        self._guard = Guard(settings)
        self._pool = Pool()
        handler = partial(PageConnection, SeldomLog(log), Crowd(MAX_CONNECTIONS, MAX_CONNECTIONS))
        # Without SERVER_NAME the server would ask the DNS for it, and wait.
        self._server = WSGIServer((settings.host, settings.port), self._answer, spawn=self._pool,
                                  log=None, error_log=log, environ={"SERVER_NAME": settings.host},
                                  handler_class=handler)  # fmt: skip

    def start(self) -> None:
        """Listen; raises OSError when the address cannot be used."""
        self._server.start()
        log.info("figures are at %s port %d, %s", self._server.server_host, self.port, PATH)

    @property
    def port(self) -> int:
        """The port that it listens at."""
        return int(self._server.server_port)

    def close(self) -> None:
        """Stop listening and end all connections; idempotent."""
        self._server.stop(timeout=0.2)
        self._pool.kill(block=False)

    def _answer(self, environ: Mapping[str, Any], start: _Start) -> Iterable[bytes]:
        try:
            self._guard.check(environ["REQUEST_METHOD"], environ["PATH_INFO"], request_headers(environ))
            if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
                raise Refusal("405 Method Not Allowed", "figures can be read only")
            if environ["PATH_INFO"] != PATH:
                raise Refusal("404 Not Found", f"the figures are at {PATH}")
            status, (body, kind) = "200 OK", self._render()
        except Refusal as refusal:
            status, body, kind = refusal.status, error_body(str(refusal)), "application/json"
        length = str(len(body))
        start(status, [("Content-Type", kind), ("Content-Length", length), ("X-Content-Type-Options", "nosniff")])
        return [body] if environ["REQUEST_METHOD"] != "HEAD" else []

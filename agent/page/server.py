"""The box's own web page: its status live, its front panel to press, and the HTTP interface that it works by.

    GET /            the page, and its files
    /api/v1/...      everything else (`agent.page.api`)
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

from gevent.pool import Pool
from gevent.pywsgi import WSGIServer

from agent.closing import Closing
from agent.log import SeldomLog
from agent.page.access import Access
from agent.page.api import EVENTS, ApiRequest, ApiRoute, find_route, perform
from agent.page.api_fields import JSON
from agent.page.api_keys import ApiSettings, Asker
from agent.page.box import Box
from agent.page.connection import BODY, VISITOR, PageConnection, error_body
from agent.page.crowd import Crowd, Visitor
from agent.page.guard import Refusal
from agent.page.settings import PageSettings
from agent.page.status_stream import StatusStreams

log = logging.getLogger(__name__)

STATIC = Path(__file__).parent / "static"
MAX_CONNECTIONS = 64
MAX_WATCHING = 16
NO_KEYS = ApiSettings()

TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
SAFETY = [
    ("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
     "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-store"),
]  # fmt: skip

_Start = Callable[[str, list[tuple[str, str]]], Any]
_Answer = tuple[str, str, bytes]  # status, content type, body


class Page(Closing):
    """The web server; `start` returns at once."""

    def __init__(self, settings: PageSettings, box: Box, api: ApiSettings = NO_KEYS) -> None:
        self._box = box
        self._live = StatusStreams(box)
        self._files = _read_files()
        self._strangers = SeldomLog(log)
        self._access = Access(settings, api, self._strangers)
        self._crowd = Crowd(MAX_CONNECTIONS, MAX_WATCHING)
        self._pool = Pool()
        # Without SERVER_NAME the server would ask the DNS for it, and wait.
        self._server = WSGIServer((settings.host, settings.port), self._answer, spawn=self._pool,
                                  log=None, error_log=log, environ={"SERVER_NAME": settings.host},
                                  handler_class=partial(PageConnection, self._strangers, self._crowd))  # fmt: skip

    def start(self) -> None:
        """Listen; raises OSError when the address cannot be used."""
        self._server.start()
        log.info("the page is at %s", self.url)

    @property
    def url(self) -> str:
        """Where a browser finds the page."""
        host, port = self._server.server_host, self._server.server_port
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/"

    @property
    def reachable_at(self) -> tuple[str, int]:
        """Address and port at which this machine itself finds it."""
        host = self._server.server_host
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), self._server.server_port

    def close(self) -> None:
        """Stop listening and end all connections; idempotent."""
        self._live.close()
        self._server.stop(timeout=0.2)
        self._pool.kill(block=False)

    def _answer(self, environ: Mapping[str, Any], start: _Start) -> Iterable[bytes]:
        request = _request(environ)
        visitor = environ[VISITOR]
        try:
            asker = self._access.asker(visitor, request.method, request.path, request_headers(environ))
            if request.method == "GET" and request.path in self._files:
                return _send(start, *self._files[request.path])
            route, given = find_route(request)
            perform(route, given, self._box, asker)
            if route.path == EVENTS:
                return self._stream(visitor, asker, start, environ.get("HTTP_LAST_EVENT_ID", ""))
            return _send(start, *self._found(route, asker))
        except Refusal as refusal:
            told = _send(start, refusal.status, JSON, error_body(str(refusal)), refusal.headers)
            return told if request.method != "HEAD" else []  # whose answer has no body (RFC 9110 section 9.3.2)

    def _stream(self, visitor: Visitor, asker: Asker, start: _Start, last: str) -> Iterable[bytes]:
        self._crowd.watch(visitor, monotonic())
        start("200 OK", [("Content-Type", "text/event-stream"), *SAFETY])
        return self._live.events(asker, int(last) if last.isascii() and last.isdigit() and len(last) < 20 else 0)

    def _found(self, route: ApiRoute, asker: Asker) -> _Answer:
        if route.do is not None:
            return "204 No Content", "", b""
        if route.show is not None:
            return "200 OK", JSON, json.dumps(route.show(self._box, asker)).encode()
        from agent.page.api_description import description  # most boxes are never asked for it

        return "200 OK", JSON, json.dumps(description()).encode()


def _read_files() -> dict[str, _Answer]:
    files: dict[str, _Answer] = {}
    for file in STATIC.iterdir():
        if kind := TYPES.get(file.name.rpartition(".")[2]):
            files[f"/{file.name}"] = ("200 OK", kind, file.read_bytes())
    return {**files, "/": files["/index.html"]}


def request_headers(environ: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers of a request out of its environment (PEP 3333), their names in title case."""
    return {
        key.removeprefix("HTTP_").replace("_", "-").title(): value
        for key, value in environ.items()
        if key.startswith("HTTP_")
    }


def _request(environ: Mapping[str, Any]) -> ApiRequest:
    path = environ["PATH_INFO"].encode("latin-1").decode(errors="replace")  # PEP 3333, "Unicode issues"
    return ApiRequest(environ["REQUEST_METHOD"], path, environ.get("QUERY_STRING", ""),
                   environ.get("CONTENT_TYPE") or "", environ[BODY])  # fmt: skip


def _send(start: _Start, status: str, kind: str, body: bytes, more: Sequence[tuple[str, str]] = ()) -> list[bytes]:
    headers = [*SAFETY, ("Content-Length", str(len(body))), *more]
    if kind:
        headers.append(("Content-Type", kind))
    start(status, headers)
    return [body]

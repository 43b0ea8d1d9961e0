"""The box's own web page: its status live, its front panel to press, and a small JSON interface.

    GET /            the page                     GET /status   everything it shows, once
    GET /events      the same, at each change (server-sent events)
    POST /press/NAME?hold=SECONDS · POST /door · POST /volume?percent=N      204, or an error as {"error": "..."}
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from importlib import resources
from time import monotonic
from typing import Any
from urllib.parse import parse_qs

from gevent.pool import Pool
from gevent.pywsgi import WSGIServer

from agent.closing import Closing
from agent.errors import AgentError, InvalidArgumentError
from agent.log import SeldomLog
from agent.page.box import Box
from agent.page.connection import VISITOR, PageConnection, error_body
from agent.page.crowd import Crowd, Doing, Visitor
from agent.page.guard import Guard, Refusal
from agent.page.guesses import Guesses
from agent.page.settings import PageSettings
from agent.page.status_stream import StatusStreams
from hw.errors import HardwareError

log = logging.getLogger(__name__)

MAX_CONNECTIONS = 64
MAX_WATCHING = 16
MAX_HOLD_S = 30.0

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

    def __init__(self, settings: PageSettings, box: Box) -> None:
        self._box = box
        self._guard = Guard(settings)
        self._live = StatusStreams(box)
        self._files = _read_files()
        self._strangers = SeldomLog(log)
        self._guesses = Guesses()
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
        headers = request_headers(environ)
        method = environ["REQUEST_METHOD"]
        path = environ["PATH_INFO"].encode("latin-1").decode(errors="replace")  # PEP 3333, "Unicode issues"
        try:
            self._guard.check(method, path, headers)
            self._check_password(environ[VISITOR], headers)
            if (method, path) == ("GET", "/events"):
                return self._stream(environ[VISITOR], start)
            answer = self._route(method, path, parse_qs(environ.get("QUERY_STRING", "")))
        except Refusal as refusal:
            answer = _error(refusal.status, str(refusal))
        return _send(start, *answer)

    def _stream(self, visitor: Visitor, start: _Start) -> Iterable[bytes]:
        self._crowd.watch(visitor, monotonic())
        start("200 OK", [("Content-Type", "text/event-stream"), *SAFETY])
        return self._live.events()

    def _check_password(self, visitor: Visitor, headers: Mapping[str, str]) -> None:
        knows = partial(self._guard.knows, headers)
        if not self._guard.asks or (visitor.is_known and knows()):
            return
        if "Authorization" in headers:
            visitor.turn_to(Doing.GUESSING, monotonic())
            visitor.is_known = self._guesses.judge(visitor.address, knows, visitor.has_gone)
            visitor.turn_to(Doing.MOVING, monotonic())
            if visitor.is_known:
                return
            self._strangers.warning("somebody gave a wrong password for the page")
        raise Refusal("401 Unauthorized", "give the page's password, with any user name")

    def _route(self, method: str, path: str, query: Mapping[str, list[str]]) -> _Answer:
        if method == "GET" and path in self._files:
            return self._files[path]
        if (method, path) == ("GET", "/status"):
            return "200 OK", "application/json", json.dumps(self._box.status()).encode()
        if method not in ("GET", "POST"):
            raise Refusal("405 Method Not Allowed", f"{method} is not known here")
        do = self._command(path, query) if method == "POST" else None
        if do is None:
            raise Refusal("404 Not Found", f"there is no {method} {path}")
        try:
            do()
        except InvalidArgumentError as error:
            raise Refusal("404 Not Found", str(error)) from error
        except (AgentError, HardwareError) as error:
            raise Refusal("409 Conflict", str(error)) from error
        return "204 No Content", "", b""

    def _command(self, path: str, query: Mapping[str, list[str]]) -> Callable[[], None] | None:
        if path == "/door":
            return self._box.open_door
        if path == "/volume":
            percent = int(_number(query, "percent", None, 0, 100))
            return lambda: self._box.set_volume(percent)
        if path.startswith("/press/"):
            name, hold_s = path.removeprefix("/press/"), _number(query, "hold", 0.1, 0, MAX_HOLD_S)
            return lambda: self._box.press(name, hold_s)
        return None


def _read_files() -> dict[str, _Answer]:
    files: dict[str, _Answer] = {}
    for file in resources.files("agent.page").joinpath("static").iterdir():
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


def _number(query: Mapping[str, list[str]], name: str, default: float | None, low: float, high: float) -> float:
    try:
        value = float(query[name][0]) if name in query or default is None else default
    except (KeyError, ValueError):
        value = math.nan
    if not low <= value <= high:
        raise Refusal("400 Bad Request", f"{name} must be a number from {low:g} to {high:g}")
    return value


def _error(status: str, reason: str) -> _Answer:
    return status, "application/json", error_body(reason)


def _send(start: _Start, status: str, kind: str, body: bytes) -> list[bytes]:
    headers = [*SAFETY, ("Content-Length", str(len(body)))]
    if kind:
        headers.append(("Content-Type", kind))
    if status.startswith("401"):
        headers.append(("WWW-Authenticate", 'Basic realm="kiosk panel", charset="UTF-8"'))
    start(status, headers)
    return [body]

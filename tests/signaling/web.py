"""A real web server on 127.0.0.1 that answers as the test says; it lives on the hub, so nothing crosses threads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER
from typing import Any

import gevent
from gevent.pywsgi import WSGIServer
from gevent.queue import Queue
from gevent.ssl import SSLContext

from bench.rig.certificate import make_certificate
from tests.signaling.server import WAIT_S


@dataclass
class Request:
    method: str
    target: str
    environ: dict[str, Any]
    body: bytes

    def header(self, name: str) -> str | None:
        key = name.upper().replace("-", "_")
        value: str | None = self.environ.get(f"HTTP_{key}", self.environ.get(key))
        return value


class Web:
    """Set `status` and `body`; `next_request()` waits for what came. `gate()` is called before each answer."""

    def __init__(self, folder: Path) -> None:
        self.status = 200
        self.body = b""
        self.gate: Callable[[], object] = lambda: None
        self.requests: Queue[Request] = Queue()
        self.ca_file = folder / "web-ca.pem"
        key_file = folder / "web-key.pem"
        if not self.ca_file.exists():
            make_certificate(self.ca_file, key_file, ("127.0.0.1",))
        context = SSLContext(PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca_file, key_file)
        self._server = WSGIServer(("127.0.0.1", 0), self._answer, log=None, ssl_context=context)
        self._server.start()

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def next_request(self) -> Request:
        with gevent.Timeout(WAIT_S, TimeoutError("no request")):
            return self.requests.get()

    def close(self) -> None:
        self._server.stop(timeout=0)

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        target = environ["PATH_INFO"] + (f"?{environ['QUERY_STRING']}" if environ["QUERY_STRING"] else "")
        self.requests.put(Request(environ["REQUEST_METHOD"], target, environ, environ["wsgi.input"].read()))
        self.gate()
        start_response(f"{self.status} Said", [("Content-Length", str(len(self.body)))])
        return [self.body]

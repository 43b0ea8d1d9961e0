"""One browser's connection: what it may ask for is bounded in requests, bytes and time, and it takes turns with others.

A request that is refused ends its connection, so whoever sends more than is answered has to connect again.
"""

from __future__ import annotations

import json
import logging
import select
from contextlib import suppress
from functools import partial
from http.client import HTTPException
from time import monotonic
from typing import Any

import gevent
from gevent import socket
from gevent.pywsgi import WSGIHandler

from agent.log import MOST_WHY, SeldomLog, excerpt
from agent.net.turns import Turns, fair_file
from agent.page.crowd import Crowd, Doing, Visitor
from agent.page.guard import Refusal

log = logging.getLogger(__name__)

IDLE_S = 30.0  # of a connection that neither sends nor takes anything
HEAD_S = 10.0  # for the first line of the first request, and for all of a request once its first line is there
MAX_REQUESTS = 100
MAX_HEAD_BYTES = 16 * 1024
MAX_BODY_BYTES = 4 * 1024  # of a few fields
LINGER_BYTES = 64 * 1024  # what is read and dropped after a refusal, so that its answer arrives
LINGER_S = 1.0

VISITOR = "kiosk.visitor"
BODY = "kiosk.body"

# Status and reason; an exception that was raised once and kept would keep every frame it passed.
NO_REQUEST = ("400 Bad Request", "this is no HTTP request")
TOO_SLOW = ("408 Request Timeout", f"send a request within {HEAD_S:g} s")
ADDRESS_TOO_LONG = ("414 URI Too Long", "send a shorter address; fields belong into the body")
HEAD_TOO_LONG = ("431 Request Header Fields Too Large", f"send at most {MAX_HEAD_BYTES} bytes of headers, in 100 lines")
AMBIGUOUS = ("400 Bad Request", "send each header once, on one line, and Content-Length as a number")
BODY_TOO_LONG = ("413 Content Too Large", f"send at most {MAX_BODY_BYTES} bytes as the body")
BODY_CUT_SHORT = ("400 Bad Request", "send as much of a body as Content-Length says")
BODY_IN_CHUNKS = ("411 Length Required", "send no body, or one with Content-Length")
ONCE = ("Content-Length", "Content-Type", "Host", "Authorization")


def error_body(reason: str) -> bytes:
    """Write what a refusal says, as JSON."""
    return json.dumps({"error": excerpt(reason, MOST_WHY)}).encode()


class PageConnection(WSGIHandler):  # type: ignore[misc]
    """pywsgi's handler of one connection, bounded."""

    content_length: int | None

    def __init__(self, strangers: SeldomLog, crowd: Crowd, sock: Any, address: Any, server: Any) -> None:
        sock.settimeout(IDLE_S)
        super().__init__(sock, address, server, _Lines(sock))
        self._strangers = strangers
        self._crowd = crowd
        self._visitor = Visitor(address[0], monotonic(), partial(_drop, sock, gevent.getcurrent()),
                                partial(_has_gone, sock))  # fmt: skip
        self._turns = Turns(1)
        self._requests = 0
        self._body = b""

    def handle(self) -> None:
        """Answer requests until the connection ends."""
        self._crowd.enter(self._visitor)
        try:
            super().handle()
        finally:
            self._crowd.leave(self._visitor)

    def get_environ(self) -> dict[str, Any]:
        """Make what the server is told of a request; who asks is in it as VISITOR, what he sends as BODY."""
        environ: dict[str, Any] = super().get_environ()
        environ[BODY] = self._body
        environ[VISITOR] = self._visitor
        return environ

    def handle_one_request(self) -> Any:
        """Answer one request; whether another one may come, as pywsgi wants it: True or None."""
        self._requests += 1
        self._visitor.turn_to(Doing.MOVING, monotonic())
        self.rfile.renew()
        result = super().handle_one_request()
        if isinstance(result, tuple):  # a refusal that never became a request
            if result[0] == "414":
                result = self._refusal(Refusal(*ADDRESS_TOO_LONG))
            with suppress(OSError):
                self.socket.sendall(result[1])
            result = None
        if result is None:
            self._linger()
        else:
            self._turns.step()
        return result

    def read_requestline(self) -> str:
        """Read the first line; empty when it took too long, which ends the connection."""
        with gevent.Timeout(HEAD_S if self._requests == 1 else IDLE_S, False):
            return str(super().read_requestline())
        return ""

    def read_request(self, raw_requestline: str) -> bool:
        """Read the rest of a request; raises Refusal, or ValueError for what is no HTTP."""
        with gevent.Timeout(HEAD_S, Refusal(*TOO_SLOW)):
            if "\r" in raw_requestline.removesuffix("\n").removesuffix("\r"):
                raise Refusal(*NO_REQUEST)
            super().read_request(raw_requestline)
            self._check_head()
            self._read_body()
        return True

    def start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        """Begin an answer; a refusal, and the last answer that a connection gets, close it."""
        if status[:1] in "45" or self._requests >= MAX_REQUESTS:
            headers = [*headers, ("Connection", "close")]
        return super().start_response(status, headers, exc_info)

    def log_error(self, msg: str, *args: object) -> None:
        """Log nothing: the text would quote the stranger."""

    def _check_head(self) -> None:
        """Refuse what a proxy before us may have understood otherwise, and so sent on (RFC 9112 section 11.2)."""
        fields = self.headers.items()
        is_cut = self.headers.defects or self.headers.get_payload()  # where a line is none, the parser stops
        is_twice = any(len(self.headers.get_all(name, ())) > 1 for name in ONCE)
        length = self.headers.get("Content-Length", "0").strip(" \t")
        if is_cut or is_twice or not (length.isascii() and length.isdigit()):
            raise Refusal(*AMBIGUOUS)
        if any(mark in value for _name, value in fields for mark in "\r\n\0"):
            raise Refusal(*AMBIGUOUS)

    def _read_body(self) -> None:
        if "transfer-encoding" in self.headers:
            raise Refusal(*BODY_IN_CHUNKS)
        if (length := self.content_length or 0) > MAX_BODY_BYTES:
            raise Refusal(*BODY_TOO_LONG)
        self._body = self.rfile.read(length)
        if len(self._body) < length:
            raise Refusal(*BODY_CUT_SHORT)
        self.content_length = 0

    def _handle_client_error(self, ex: Exception) -> tuple[str, bytes] | None:
        if isinstance(ex, OSError):
            return None
        too_many = isinstance(ex, HTTPException)  # lines of headers
        return self._refusal(ex if isinstance(ex, Refusal) else Refusal(*HEAD_TOO_LONG if too_many else NO_REQUEST))

    def _refusal(self, refusal: Refusal) -> tuple[str, bytes]:
        self._strangers.warning("a request to the page was refused: %s", refusal)
        body = error_body(str(refusal))
        head = (f"HTTP/1.1 {refusal.status}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n")  # fmt: skip
        return refusal.status, head.encode() + body

    def _log_error(self, t: Any, v: Any, tb: Any) -> None:
        if not issubclass(t, gevent.GreenletExit):
            self._strangers.warning("a request to the page failed", exc_info=(t, v, tb))

    def _linger(self) -> None:
        """Let the last answer arrive: what a peer still sends would otherwise reset the connection before it reads."""
        with suppress(OSError), gevent.Timeout(LINGER_S, False):
            self.socket.shutdown(socket.SHUT_WR)
            self.rfile.read(LINGER_BYTES)


def _drop(sock: Any, serving: gevent.Greenlet[..., Any]) -> None:
    """End both: pywsgi survives the death of an answer, but not that of its socket."""
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    serving.kill(block=False)


def _has_gone(sock: Any) -> bool:
    """Whether the other end is closed, even if there is something left to read of it."""
    poll = select.poll()
    try:
        poll.register(sock.fileno(), select.POLLRDHUP)
        return bool(poll.poll(0))
    except (OSError, ValueError):
        return True


class _Lines:
    """The bytes of a connection, of which the lines of each request are bounded together."""

    def __init__(self, sock: Any) -> None:
        self._file = fair_file(sock)
        self.renew()

    def renew(self) -> None:
        """Allow the lines of another request."""
        self._left = MAX_HEAD_BYTES
        self._is_first = True  # the one that the server itself takes apart

    def readline(self, size: int) -> bytes:
        """The next line or, beyond `size`, a part of it; raises Refusal."""
        line = self._file.readline(size)
        self._left -= len(line)
        if self._left < 0:
            raise Refusal(*HEAD_TOO_LONG)
        is_first, self._is_first = self._is_first, False
        if not is_first and b"\r" in line.removesuffix(b"\r\n"):  # where some readers see the end of a line
            raise Refusal(*AMBIGUOUS)
        return line

    def read(self, size: int) -> bytes:
        """That many bytes, or fewer at the end."""
        return self._file.read(size)

    @property
    def closed(self) -> bool:
        """Whether nothing can be read any more."""
        return self._file.closed

    def close(self) -> None:
        """Give the socket up; idempotent."""
        self._file.close()

"""HTTP requests that leave the gevent hub free, with certificates checked and answers bounded in bytes and time."""

from __future__ import annotations

import select
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead
from io import BufferedReader
from typing import Any
from urllib.parse import urlsplit

import gevent

from agent.closing import Closing
from agent.errors import FarSideError, InvalidArgumentError, OversizeError
from agent.net.dial import connect
from agent.net.kept_answers import SocketAddress
from agent.net.resolve import resolve
from agent.net.tls import explain
from agent.net.trusted_file import TrustedFile
from agent.net.turns import fair_file
from agent.program import user_agent

MAX_BODY_BYTES = 64 * 1024
MAX_ANSWER_BYTES = 256 * 1024  #: of an answer as it is sent: headers, and what chunks add to the body


class HttpError(FarSideError):
    """No usable answer came; the message names the host and says why."""


@dataclass(frozen=True)
class Answer:
    """Status and the first MAX_BODY_BYTES of the body."""

    status: int
    body: bytes


class HttpHost(Closing):
    """One server, its connection kept open between requests; `base` is `https://host[:port]` or http."""

    def __init__(self, base: str, *, ca_file: str | None = None, timeout_s: float = 10.0) -> None:
        parts = urlsplit(base)
        if parts.scheme not in ("https", "http") or not parts.hostname:
            raise InvalidArgumentError("an address must begin with https:// or http:// and name a host")
        self.host = parts.hostname
        trust = TrustedFile(ca_file) if parts.scheme == "https" else None
        self._connection = _Connection(self.host, parts.port, trust)
        self._timeout_s = timeout_s

    def request(self, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Send one request and wait for its answer; raises HttpError."""
        answer: Answer | None = None
        try:
            self._connection.look_up()  # takes a time of its own
            with gevent.Timeout(self._timeout_s, TimeoutError(f"no answer within {self._timeout_s:g} s")):
                answer = self._exchange(method, target, headers, body)
        except OSError as exc:
            raise HttpError(explain(exc, self.host)) from None
        except (HTTPException, ValueError, OversizeError) as exc:
            raise HttpError(f"{self.host} gave no usable answer: {type(exc).__name__}") from None
        finally:
            if answer is None:
                self.close()
        return answer

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        self._connection.close()

    def _exchange(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        connection = self._connection
        connection.request(method, target, body or None, {"User-Agent": user_agent(), **headers})
        response = connection.getresponse()
        answer = Answer(response.status, _body(response))
        if not response.isclosed():
            connection.close()  # the rest of the body is not wanted
        return answer


class _Connection(HTTPConnection):
    """The standard library's client on a socket of the hub."""

    def __init__(self, host: str, port: int | None, trust: TrustedFile | None) -> None:
        self.default_port = 443 if trust else 80  # not named in the Host header
        super().__init__(host, port)
        self._trust = trust
        self._addresses: list[SocketAddress] = []

    def look_up(self) -> None:
        """Find the host's addresses where a connection is to be opened; raises OSError."""
        self.close_if_stale()
        if self.sock is None:
            self._addresses = resolve(self.host, self.port)

    def connect(self) -> None:
        """Connect, and shake hands where it is https; raises OSError."""
        plain = connect(self._addresses)
        try:
            context = self._trust.context() if self._trust else None
            secure = context.wrap_socket(plain, server_hostname=self.host) if context else plain
        except BaseException:
            plain.close()
            raise
        self.sock = _FairSocket(secure)

    def close_if_stale(self) -> None:
        """Close a kept connection on which something came unasked: mostly its end."""
        if self.sock is not None:
            poll = select.poll()
            poll.register(self.sock.fileno(), select.POLLIN)
            if poll.poll(0):
                self.close()


class _FairSocket:
    """What HTTPConnection uses of a socket; what it reads of each answer is bounded, and read in turns."""

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self.fileno, self.sendall, self.close = sock.fileno, sock.sendall, sock.close

    def makefile(self, _mode: str) -> BufferedReader:
        """The next answer."""
        return fair_file(self._sock, MAX_ANSWER_BYTES)


def _body(response: HTTPResponse) -> bytes:
    body = response.read(MAX_BODY_BYTES)
    if response.length and len(body) < MAX_BODY_BYTES:
        raise IncompleteRead(body, response.length)
    return body

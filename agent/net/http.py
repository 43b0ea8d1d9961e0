"""HTTP requests that leave the gevent hub free, with certificates checked and answers bounded."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from urllib.parse import urlsplit

import gevent
from geventhttpclient import HTTPClient

from agent.closing import Closing
from agent.errors import FarSideError, InvalidArgumentError
from agent.net.tls import client_context, explain
from agent.program import user_agent

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 * 1024


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
        self._is_secure = parts.scheme == "https"
        self._port = parts.port or (443 if self._is_secure else 80)
        self._context = client_context(ca_file) if self._is_secure else None
        self._timeout_s = timeout_s
        self._client: HTTPClient | None = None

    def request(self, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Send one request and wait for its answer; raises HttpError."""
        answer: Answer | None = None
        try:
            with gevent.Timeout(self._timeout_s, TimeoutError(f"no answer within {self._timeout_s:g} s")):
                answer = self._exchange(method, target, headers, body)
        except (TimeoutError, OSError) as exc:
            raise HttpError(explain(exc, self.host)) from None
        except (HTTPException, ValueError, RuntimeError) as exc:
            raise HttpError(f"{self.host} gave no usable answer: {type(exc).__name__}") from None
        finally:
            if answer is None:
                self.close()
        return answer

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _exchange(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        if self._client is None:
            self._client = HTTPClient(
                self.host,
                self._port,
                ssl=self._is_secure,
                ssl_context_factory=lambda cafile=None: self._context,
                connection_timeout=self._timeout_s,
                network_timeout=self._timeout_s,
            )
        response = self._client.request(method, target, body=body, headers={"User-Agent": user_agent(), **headers})
        try:
            return Answer(response.status_code, bytes(response.read(MAX_BODY_BYTES)))
        finally:
            response.release()

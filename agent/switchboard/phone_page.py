"""What the switchboard serves over plain HTTPS: the browser phone, and tokens for it in a demonstration."""

from __future__ import annotations

import ipaddress
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from websockets.datastructures import Headers
from websockets.http11 import Response

from agent.switchboard.services import SERVICES
from agent.switchboard.settings import SwitchboardSettings

STATIC = Path(__file__).parent / "static"
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
NAME_LIMIT = 40


@dataclass(frozen=True)
class PhonePage:
    """The pages of one switchboard; `mint` makes a token for an identity."""

    settings: SwitchboardSettings
    mint: Callable[[str], str]

    def respond(self, target: str, peer_host: str, from_elsewhere: bool) -> Response:
        """Answer a GET; `from_elsewhere` says that another site's page asks."""
        url = urlsplit(target)
        if url.path == "/config":
            return _json({"demo_tokens": self.settings.demo_tokens, "call": self.settings.demo_target})
        if url.path == "/token":
            return self._token(parse_qs(url.query).get("identity", [""])[0], peer_host, from_elsewhere)
        return _file("index.html" if url.path == "/" else url.path[1:])

    def _token(self, identity: str, peer_host: str, from_elsewhere: bool) -> Response:
        if not self.settings.demo_tokens or from_elsewhere or not is_near(peer_host):
            return _refusal(HTTPStatus.FORBIDDEN, "This switchboard hands out no tokens; ask whoever runs it for one.")
        if not 0 < len(identity) <= NAME_LIMIT or not identity.isprintable():
            return _refusal(HTTPStatus.BAD_REQUEST, f"A name has 1 to {NAME_LIMIT} printable characters.")
        if identity in SERVICES or identity == self.settings.demo_target:
            return _refusal(HTTPStatus.CONFLICT, "That name is taken; choose another.")
        return _json({"identity": identity, "token": self.mint(identity)})


def is_near(host: str) -> bool:
    """Tell whether an address is this machine's or of a private network (RFC 1918, RFC 4193); a name is not."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host == "localhost"
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_private or mapped.is_loopback or mapped.is_link_local)


def _file(name: str) -> Response:
    known = {path.name: path for path in STATIC.iterdir() if path.suffix in TYPES}
    if name not in known:
        return _refusal(HTTPStatus.NOT_FOUND, "There is no such page.")
    return _response(HTTPStatus.OK, TYPES[known[name].suffix], known[name].read_bytes())


def _json(value: object) -> Response:
    return _response(HTTPStatus.OK, "application/json", json.dumps(value).encode())


def _refusal(status: HTTPStatus, text: str) -> Response:
    return _response(status, "text/plain", text.encode())


def _response(status: HTTPStatus, content_type: str, body: bytes) -> Response:
    headers = Headers()
    headers["Content-Type"] = f"{content_type}; charset=utf-8"
    headers["Content-Length"] = str(len(body))
    headers["Cache-Control"] = "no-store"
    headers["Content-Security-Policy"] = POLICY
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers["Date"] = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
    headers["Connection"] = "close"
    return Response(status.value, status.phrase, headers, body)

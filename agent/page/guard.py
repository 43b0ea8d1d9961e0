"""Who may ask the page for something: pure checks of a request's headers.

Three dangers, three checks. A foreign site whose name is made to resolve to this machine (DNS rebinding) shows in the
`Host` header: only addresses and this box's own names pass. A foreign site that asks this one for something shows in
`Origin` and `Sec-Fetch-Site`, where the browser tells them: only its own page, and a link to it, pass; and each POST
must carry a header that no site can send to another without asking first, which nobody here answers (CSRF). A stranger
in the same network lacks the password (RFC 7617); wrong ones are slowed down by the server.
"""

from __future__ import annotations

import base64
import hmac
import ipaddress
import socket
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import urlsplit

OWN_HEADER = "X-Kiosk-Panel"


class Refusal(Exception):
    """A request that is not answered; carries the HTTP status."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Guarded(Protocol):
    """What is guarded: where it listens, by which further names it is called, and its password, which may be empty."""

    @property
    def host(self) -> str: ...

    @property
    def hosts(self) -> tuple[str, ...]: ...

    @property
    def password(self) -> str: ...


class Guard:
    """Checks requests by their headers; names in `headers` are as in the request, in title case."""

    def __init__(self, settings: Guarded) -> None:
        own = socket.gethostname().lower().removesuffix(".local")
        self._names = {"localhost", own, f"{own}.local", settings.host.lower(), *(h.lower() for h in settings.hosts)}
        self._password = settings.password

    def check(self, method: str, path: str, headers: Mapping[str, str]) -> None:
        """Raise Refusal unless the request may be answered; the password is checked apart."""
        host = headers.get("Host", "")
        if not self._is_ours(host):
            raise Refusal("421 Misdirected Request", f"this box is not called {_name(host)!r}: see its hosts")
        if not _is_own_page(host, headers) and not _is_link(method, path, headers):
            raise Refusal("403 Forbidden", "another site asked for this; open the box's own page")
        if method == "POST" and OWN_HEADER not in headers:
            raise Refusal("403 Forbidden", f"send {OWN_HEADER}: 1 from the box's own page")

    @property
    def asks(self) -> bool:
        """Whether a password is needed."""
        return bool(self._password)

    def knows(self, headers: Mapping[str, str]) -> bool:
        """Tell whether the request carries the password, compared in constant time; True when none is set."""
        if not self._password:
            return True
        scheme, _, encoded = headers.get("Authorization", "").partition(" ")
        try:
            _, _, given = base64.b64decode(encoded, validate=True).partition(b":")
        except ValueError:
            return False
        return scheme.lower() == "basic" and hmac.compare_digest(given, self._password.encode())

    def _is_ours(self, host: str) -> bool:
        name = _name(host)
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name.removesuffix(".") in self._names
        return True


def _name(host: str) -> str:
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _is_own_page(host: str, headers: Mapping[str, str]) -> bool:
    origin = headers.get("Origin", "")
    same = not origin or _netloc(origin) == host.lower()
    return same and headers.get("Sec-Fetch-Site", "same-origin") in ("same-origin", "none")


def _is_link(method: str, path: str, headers: Mapping[str, str]) -> bool:
    """Whether somebody followed a link of another site to the page itself, which shows it and does nothing."""
    goes_there = (headers.get("Sec-Fetch-Mode"), headers.get("Sec-Fetch-Dest")) == ("navigate", "document")
    return goes_there and "Origin" not in headers and (method, path) == ("GET", "/")

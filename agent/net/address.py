"""Names of hosts, and `HOST:PORT` as people write it."""

from __future__ import annotations

import ipaddress
import re

from agent.errors import InvalidArgumentError

_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


def is_label(name: str) -> bool:
    """Tell whether a name that somebody gave can be one part of a host's name, and nothing more (RFC 1123)."""
    return _LABEL.fullmatch(name) is not None


def split_address(text: str, default_port: int | None = None) -> tuple[str, int]:
    """Split `HOST:PORT`, `[IPv6]:PORT` or, with a default port, `HOST`; raises InvalidArgumentError."""
    host, colon, port = text.rpartition(":")
    if (not colon or text.endswith("]")) and default_port is not None:
        return text.strip("[]"), default_port
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise InvalidArgumentError(f"{text!r} is no address; write HOST:PORT, such as 127.0.0.1:8443 or [::1]:8443")
    return host.strip("[]"), int(port)


def share_of(address: str) -> str:
    """Tell whose share an address takes: an IPv6 network of 64 bits is one customer's (RFC 6177), and has one."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None and not parsed.is_loopback:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return address

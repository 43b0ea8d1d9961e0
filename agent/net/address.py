"""`HOST:PORT` as people write it."""

from __future__ import annotations

from agent.errors import InvalidArgumentError


def split_address(text: str, default_port: int | None = None) -> tuple[str, int]:
    """Split `HOST:PORT`, `[IPv6]:PORT` or, with a default port, `HOST`; raises InvalidArgumentError."""
    host, colon, port = text.rpartition(":")
    if (not colon or text.endswith("]")) and default_port is not None:
        return text.strip("[]"), default_port
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise InvalidArgumentError(f"{text!r} is no address; write HOST:PORT, such as 127.0.0.1:8443 or [::1]:8443")
    return host.strip("[]"), int(port)

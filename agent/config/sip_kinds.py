"""Kinds of settings that SIP has besides: edges, users, domains, headers (see `agent.config.kinds`)."""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

_DOMAIN = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::(?P<port>\d{1,5}))?")
_HEADER_NAME = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+")  # RFC 3261 section 25.1: token
_SCHEME = re.compile(r"(?i)(sips?|tel|wss?|https?):")


def edge_uri(value: Any, folder: Path) -> Any:
    """Check the address of an edge, wss://HOST[:PORT][/PATH]. Raises ValueError with what was meant."""
    if not re.match(r"(?i)[a-z][a-z0-9+.-]*://", value):
        meant = value.strip().strip("/")
        host = meant if _DOMAIN.fullmatch(meant.partition("/")[0]) else "pbx.example.org"
        raise ValueError(f'a whole address: "wss://{host}"')
    parts = _split(value)
    if parts is not None and parts.scheme.lower() == "ws":
        raise ValueError(f'an address that is encrypted: "wss{value[2:]}"; passwords and calls are not sent over ws://')
    if parts is None or parts.scheme != "wss" or not _is_address(parts, value):
        raise ValueError('an address like "wss://pbx.example.org:7443/ws", without a user and without blanks')
    return value


def _split(value: str) -> SplitResult | None:
    try:
        parts = urlsplit(value)
        return parts if parts.port != 0 else None  # a port out of range raises, too
    except ValueError:
        return None


def _is_address(parts: SplitResult, value: str) -> bool:
    return (
        _DOMAIN.fullmatch(parts.netloc) is not None
        and not parts.fragment
        and value.isascii()
        and value.isprintable()
        and " " not in value
    )


def sip_user(value: Any, folder: Path) -> Any:
    """Check a user's name; blanks and letters with accents inside are sent escaped. Raises ValueError."""
    bare = _SCHEME.sub("", value, count=1)
    user, at, host = bare.partition("@")
    if bare != value or at:
        more = f', and domain = "{host.partition(";")[0]}"' if at and host else ""
        raise ValueError(f'the name alone, without "sip:" and without the domain: "{user.strip()}"{more}')
    if value != value.strip() or not value.isprintable():
        raise ValueError("a name without blanks around it, of characters that can be seen")
    return value


def domain(value: Any, folder: Path) -> Any:
    """Check the domain of a PBX, HOST or HOST:PORT; empty stands for none. Raises ValueError."""
    found = _DOMAIN.fullmatch(value)
    if value and (found is None or (found["port"] and not 0 < int(found["port"]) < 65_536)):
        raise ValueError('the domain alone, like "pbx.example.org"; a name with other letters in its xn-- form')
    return value


def one_line(value: Any, folder: Path) -> Any:
    """Check a text of one line. Raises ValueError."""
    if not value.isprintable():
        raise ValueError("one line of characters that can be seen")
    return value


def uuid_text(value: Any, folder: Path) -> Any:
    """Check a UUID (RFC 4122 section 3), also as a URN; empty stands for none. Raises ValueError."""
    if not value:
        return value
    try:
        return str(uuid.UUID(value))
    except ValueError:
        raise ValueError('a UUID, as `uuidgen` prints one; "" makes one of this machine') from None


def sip_header(value: Any, folder: Path) -> Any:
    """Check a header of one's own, "X-NAME: VALUE". Raises ValueError."""
    name, colon, text = value.partition(":")
    if not value.isprintable():
        raise ValueError("a header on one line, without line breaks")
    if not (colon and _HEADER_NAME.fullmatch(name.strip()) and text.strip()):
        raise ValueError('a header like "X-Site: gate"')
    if not name.strip().lower().startswith("x-"):
        raise ValueError(f'a name that begins with X-, like "X-{name.strip()}: ..."; the others are the program\'s own')
    return value


SIP_KINDS = {
    "domain": domain,
    "edge_uri": edge_uri,
    "one_line": one_line,
    "sip_header": sip_header,
    "sip_user": sip_user,
    "uuid": uuid_text,
}

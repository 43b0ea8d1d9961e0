"""Who this box is at its PBX, and by which edges it is reached."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from agent.errors import InvalidArgumentError
from agent.signaling.sip.quoting import is_token
from agent.signaling.sip.settings import EXPIRES_S
from agent.signaling.sip.uri import host_and_port, user_uri

DECLINE_EVERYWHERE: Final = 603  #: ends the ringing of every phone of the callee
BUSY_HERE: Final = 486  #: ends that of this box

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class SipAccount:
    """One address of record and the way to it; raises InvalidArgumentError for values that no message can carry."""

    edges: tuple[str, ...]  #: `wss://` addresses; with two or more, a flow to each of the first two is kept
    user: str
    domain: str
    secret: str | Callable[[], str] = field(default="", repr=False)  #: the password, or what gives it when it is needed
    display_name: str = ""
    expires_s: int = EXPIRES_S
    instance: str = field(default_factory=lambda: str(uuid.uuid4()))  #: a UUID that stays the same for one box
    reject_with: int = DECLINE_EVERYWHERE
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))  #: go out with each call
    trusted_edges: tuple[str, ...] = ()  #: those of `edges` that know who calls, and say so (RFC 3325)

    def __post_init__(self) -> None:
        for edge in self.edges:
            _check(_is_wss(edge), "edges", edge, "a secure WebSocket address such as wss://pbx.example:7443/ws")
        _check(bool(self.edges), "edges", self.edges, "at least one secure WebSocket address (wss://...)")
        for edge in self.trusted_edges:
            _check(edge in self.edges, "trusted_edges", edge, "one of edges, as it is written there")
        _check(_takes(host_and_port, self.domain), "domain", self.domain, "the PBX's domain, such as pbx.example")
        _check(_takes(user_uri, self.user, self.domain), "user", self.user, "a user's name, without line breaks")
        _check(not _UNPRINTABLE.search(self.display_name), "display_name", self.display_name, "one line of text")
        _check(10 <= self.expires_s <= 86_400, "expires_s", self.expires_s, "a number of seconds from 10 to 86400")
        _check(self.reject_with in (BUSY_HERE, DECLINE_EVERYWHERE), "reject_with", self.reject_with, "486 or 603")
        _check(_is_uuid(self.instance), "instance", self.instance, "a UUID, which no other box has")
        for name, value in self.headers.items():
            check_header(name, value)

    @property
    def address_of_record(self) -> str:
        """Our own URI, with the user's name escaped."""
        return user_uri(self.user, self.domain)

    def password(self) -> str:
        """Return the secret as it is now."""
        return self.secret() if callable(self.secret) else self.secret


def check_header(name: str, value: str) -> None:
    """Raise InvalidArgumentError for a header of a program's own that could be read as something else."""
    _check(is_token(name), "headers", name, "a header's name: letters, digits and -")
    _check(name.lower().startswith("x-"), "headers", name, "a name that begins with X-; the others are the program's")
    _check(not _UNPRINTABLE.search(value), f"headers.{name}", value, "one line of text")


def _is_wss(edge: str) -> bool:
    try:
        parts = urlsplit(edge)
        return parts.scheme == "wss" and bool(parts.hostname) and parts.port != 0 and not _UNPRINTABLE.search(edge)
    except ValueError:
        return False


def _takes(check: Callable[..., str], *values: str) -> bool:
    try:
        return bool(check(*values))
    except InvalidArgumentError:
        return False


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def _check(is_good: bool, name: str, value: object, wanted: str) -> None:
    if not is_good:
        raise InvalidArgumentError(f"SIP account, {name}: {value!r} cannot be used; give {wanted}")

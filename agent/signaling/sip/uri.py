"""Whom a call goes to: what people write for it, made into a URI that a SIP request can carry (RFC 3261 section 19.1).

    desk                      sip:desk@DOMAIN             a user of our own domain
    Große Tür                 sip:Gro%C3%9Fe%20T%C3%BCr@DOMAIN
    desk@example.com          sip:desk@example.com
    +49 (30) 123-45           sip:+493012345@DOMAIN       what only makes a number easier to read goes
    tel:+49-30-12345;ext=9    sip:+493012345;ext=9@DOMAIN;user=phone
    sip:... sips:...          as it is; what the user part cannot hold is escaped

A blank or a letter that is not ASCII is escaped where it may stand, and refused, with its place, where it may not.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import quote

from agent.errors import InvalidArgumentError
from agent.log import excerpt
from agent.net.address import is_label

MOST_CHARS: Final = 512
_UNFIT: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_SCHEME: Final = re.compile(r"(sips?|tel):", re.IGNORECASE)
_NUMBER: Final = re.compile(r"\+?[0-9*#][0-9*#\s().-]*")
_SEPARATORS: Final = re.compile(r"[\s().-]")
_TELEPHONE: Final = re.compile(r"(\+?[0-9A-Fa-f*#().-]+)((?:;[A-Za-z0-9-]+(?:=[A-Za-z0-9.+*()%!~'_&/:-]+)?)*)")
_PARAMETERS: Final = re.compile(r"(?:;[A-Za-z0-9\[\]/:&+$._!~*'()%-]+(?:=[A-Za-z0-9\[\]/:&+$._!~*'()%-]*)?)*")
_HOST_END: Final = re.compile(r"[;?]")
_PORT: Final = re.compile(r"(.*?)(?::([0-9]{1,5}))?", re.DOTALL)
_STRAY_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_UNRESERVED: Final = "-_.!~*'()"


def names_in(text: str) -> tuple[str, ...]:
    """Return those who are called together, which commas part; a comma of a user is %2C in its sip: URI."""
    names = tuple(name for name in (part.strip(" ") for part in text.split(",")) if name)
    return names or (text,)


def target_uri(text: str, domain: str) -> str:
    """Make the Request-URI for a user, a number, an address or a URI; raises InvalidArgumentError."""
    if found := _UNFIT.search(text):
        raise _refusal(text, found.start(), "a character that cannot be in it")
    text = text.strip()
    if not text:
        raise InvalidArgumentError("nobody to call; give a user, a number, or a sip:, sips: or tel: URI")
    if len(text) > MOST_CHARS:
        raise InvalidArgumentError(f"whom to call has {len(text)} characters; the most is {MOST_CHARS}")
    scheme = _SCHEME.match(text)
    if scheme is None:
        return _plain(text, domain)
    if scheme[1].lower() == "tel":
        return _telephone(text, domain)
    return _uri(scheme[1].lower(), text, scheme.end())


def user_uri(user: str, domain: str) -> str:
    """Make the address of record of an account: its user name whatever it looks like; raises InvalidArgumentError."""
    if not user or _UNFIT.search(user):
        raise InvalidArgumentError(f"{excerpt(user)!r} cannot be a SIP user; give its name, without sip: and domain")
    return f"sip:{_escaped(user)}@{host_and_port(domain)}"


def host_and_port(text: str) -> str:
    """Check a domain such as `example.com`, `192.0.2.1` or `[2001:db8::1]:5061`; raises InvalidArgumentError."""
    if (at := _fault_of_host(text)) is not None:
        raise _refusal(text, at, "what cannot be in a domain")
    return text


def _plain(text: str, domain: str) -> str:
    """Make the URI of a user or number of our domain, or of somebody elsewhere."""
    user, at, host = text.rpartition("@")
    if not at:
        user, host = text, domain
        if not domain:
            raise InvalidArgumentError(f"{excerpt(text)!r} is nobody without a domain; set domain in [sip]")
    elif (fault := _fault_of_host(host)) is not None:
        raise _refusal(text, len(user) + 1 + fault, "what cannot be in a domain")
    if (colon := user.find(":")) >= 0:
        raise _refusal(text, colon, "a colon; only sip:, sips: and tel: URIs can be called")
    if not user:
        raise InvalidArgumentError(f"{excerpt(text)!r} names nobody; write USER@DOMAIN")
    return f"sip:{_escaped(_number(user))}@{host_and_port(host)}"


def _number(user: str) -> str:
    """Take out what makes a number easier to read; a name that merely looks like one, such as 12-34, stays."""
    is_number = _NUMBER.fullmatch(user) is not None and (user[0] == "+" or any(mark in user for mark in " ()\u00a0"))
    return _SEPARATORS.sub("", user) if is_number else user


def _telephone(text: str, domain: str) -> str:
    """Make the SIP URI of a tel: URI, whose parameters go into the user part (RFC 3261 section 19.1.6)."""
    found = _TELEPHONE.match(text, len("tel:"))
    if found is None or found.end() < len(text):
        raise _refusal(text, found.end() if found else len("tel:"), "what cannot be in a tel: URI")
    if not domain:
        raise InvalidArgumentError(f"{excerpt(text)!r} cannot be called without a domain; set domain in [sip]")
    number = _SEPARATORS.sub("", found[1]).replace("#", "%23")
    if not number.strip("+"):
        raise InvalidArgumentError(f"{excerpt(text)!r} holds no number")
    return f"sip:{number}{found[2]}@{host_and_port(domain)};user=phone"


def _uri(scheme: str, text: str, start: int) -> str:
    """Check a sip: or sips: URI; its user part alone may hold what has to be escaped."""
    user, at, _ = text[start:].rpartition("@")
    host_at = start + len(user) + len(at)
    end = _HOST_END.search(text, host_at)
    params_at = end.start() if end else len(text)
    if (fault := _fault_of_host(text[host_at:params_at])) is not None:
        raise _refusal(text, host_at + fault, "what cannot be in a domain")
    params = _PARAMETERS.match(text, params_at)
    if params is None or params.end() < len(text):
        raise _refusal(text, params.end() if params else params_at, "what cannot be in a SIP URI to call")
    if at and not user:
        raise _refusal(text, start, "no user before its @")
    return f"{scheme}:{_kept(user)}{at}{text[host_at:]}"


def _fault_of_host(text: str) -> int | None:
    """Find the place that is wrong in `HOST` or `HOST:PORT`; None: nothing is."""
    found = _PORT.fullmatch(text)
    assert found is not None  # it matches anything
    host, port = found.groups()
    if port is not None and not 0 < int(port) < 65536:
        return len(host) + 1
    if host.startswith("[") and host.endswith("]"):
        return None if _is_ipv6(host[1:-1]) else 0
    at = 0
    for label in host.removesuffix(".").split("."):
        if not is_label(label):
            return at + _first_unfit(label)
        at += len(label) + 1
    return None


def _first_unfit(label: str) -> int:
    found = re.search(r"[^A-Za-z0-9-]", label)
    return found.start() if found else 0


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return "%" not in text


def _escaped(user: str) -> str:
    return quote(user, safe=f"{_UNRESERVED}+")


def _kept(user: str) -> str:
    """Escape only what a user part cannot hold; what its writer has escaped stays so."""
    return quote(_STRAY_PERCENT.sub("%25", user), safe=f"{_UNRESERVED}&=+$,;?/:%")


def _refusal(text: str, at: int, what: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"{excerpt(text)!r} cannot be called: at place {at + 1} it has {what}")

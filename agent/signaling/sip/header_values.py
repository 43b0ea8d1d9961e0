"""What stands in SIP headers: addresses, Via, CSeq, parameters, challenges (RFC 3261 section 20, RFC 5627).

URIs stay the text that the far end wrote: a GRUU that is taken apart and put together again is another one. Each reader
raises ProtocolError for what it cannot use, and accepts what older programs write as long as it means one thing only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from agent.errors import ProtocolError
from agent.log import excerpt
from agent.signaling.sip.quoting import BLANKS, TOKEN, is_token, quoted, split, unquoted

MOST_SEQUENCE: Final = 2**31 - 1  # RFC 3261 section 8.1.1.5
MOST_SECONDS: Final = 2**32 - 1
_NUMBER: Final = re.compile(r"[0-9]{1,20}")
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"\x00-\x1f\x7f]+")
_BRACKETED: Final = re.compile(r'\s*("(?:[^"\\]|\\.)*"\s*|[^"<]*)<([^<>]*)>\s*(?:;(.*))?', re.DOTALL)
_PLAIN_VALUE: Final = re.compile(r"[^\s;,\"<>]+")
_VIA: Final = re.compile(
    r"SIP\s*/\s*2\.0\s*/\s*([^\s/;]+)\s+([^\s;]+(?:\s*:\s*[0-9]+)?)\s*(?:;(.*))?", re.DOTALL | re.IGNORECASE
)
_CHALLENGE: Final = re.compile(
    r"([A-Za-z0-9.!%*_+`'~-]+)\s*=\s*(\"(?:[^\"\\]|\\.)*\"|[^\s,\"]*)|([^\s,=\"]+)", re.DOTALL
)


@dataclass(frozen=True)
class SipParameters:
    """Parameters behind `;`, in order: names in lower case, values out of their quotes, None for a name alone."""

    items: tuple[tuple[str, str | None], ...] = ()

    def get(self, name: str) -> str | None:
        """Return the value of the first parameter of this name; None where it has none, or is not there."""
        return next((value for key, value in self.items if key == name.lower()), None)

    def replaced(self, name: str, value: str | None) -> SipParameters:
        """Put one parameter to the end, in the place of others of its name."""
        others = (item for item in self.items if item[0] != name.lower())
        return SipParameters((*others, (name.lower(), value)))

    def without(self, name: str) -> SipParameters:
        """Take a parameter out."""
        return SipParameters(tuple(item for item in self.items if item[0] != name.lower()))

    def __contains__(self, name: str) -> bool:
        return any(key == name.lower() for key, _ in self.items)

    def __iter__(self) -> Iterator[tuple[str, str | None]]:
        return iter(self.items)

    def __str__(self) -> str:
        return "".join(f";{name}" if value is None else f";{name}={_written(value)}" for name, value in self.items)


@dataclass(frozen=True)
class NameAddr:
    """An address with its display name, as From, To, Contact, Route and P-Asserted-Identity carry it."""

    uri: str
    display: str = ""
    params: SipParameters = SipParameters()

    @property
    def tag(self) -> str | None:
        """The half of the dialog's name that this side has given."""
        return self.params.get("tag")

    def tagged(self, tag: str) -> NameAddr:
        """Return it with this tag."""
        return NameAddr(self.uri, self.display, self.params.replaced("tag", tag))

    def __str__(self) -> str:
        display = f"{quoted(self.display)} " if self.display else ""
        return f"{display}<{self.uri}>{self.params}"


@dataclass(frozen=True)
class SipVia:
    """One hop of the way that a response takes back."""

    transport: str
    sent_by: str
    params: SipParameters

    @property
    def branch(self) -> str:
        """The name of the transaction; empty where an old program gives none."""
        return self.params.get("branch") or ""

    def __str__(self) -> str:
        return f"SIP/2.0/{self.transport} {self.sent_by}{self.params}"


@dataclass(frozen=True)
class SequenceNumber:
    """What CSeq holds."""

    number: int
    method: str

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


@dataclass(frozen=True)
class AuthChallenge:
    """What a server wants to be shown: names of parameters in lower case, values out of their quotes."""

    scheme: str  # in lower case
    params: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str | None:
        """Return the value of a parameter; None where it is not there."""
        return next((value for key, value in self.params if key == name), None)


def read_address(text: str) -> NameAddr:
    """Read `"Name" <uri>;params`, `Name <uri>;params` or `uri;params`; raises ProtocolError.

    Without brackets what follows `;` belongs to the header, not to the URI (RFC 3261 section 20.10).
    """
    bracketed = _BRACKETED.fullmatch(text)
    if bracketed is None:
        if "<" in text or ">" in text:
            raise ProtocolError(f"an address whose brackets or quotes do not fit: {excerpt(text)}")
        uri, _, params = text.strip(BLANKS).partition(";")
        if "?" in uri or "," in uri:
            raise ProtocolError(f"an address that needs brackets around its URI: {excerpt(text)}")
        return NameAddr(_uri(uri.strip(BLANKS)), "", read_parameters(params))
    display, uri, params = bracketed.groups()
    return NameAddr(_uri(uri.strip(BLANKS)), _display(display.strip(BLANKS)), read_parameters(params or ""))


def read_addresses(elements: tuple[str, ...]) -> tuple[NameAddr, ...]:
    """Read the elements of Contact, Route or Record-Route; `*` is left out. Raises ProtocolError."""
    return tuple(read_address(element) for element in elements if element != "*")


def read_parameters(text: str) -> SipParameters:
    """Read `name=value;name;name="quoted"`; raises ProtocolError."""
    return SipParameters(tuple(_parameter(part) for part in split(text, ";")))


def read_via(text: str) -> SipVia:
    """Read one element of Via; raises ProtocolError."""
    found = _VIA.fullmatch(text.strip(BLANKS))
    if found is None:
        raise ProtocolError(f"a Via that cannot be read: {excerpt(text)}")
    transport, sent_by, params = found.groups()
    return SipVia(transport.upper(), "".join(sent_by.split()), read_parameters(params or ""))


def read_sequence(text: str) -> SequenceNumber:
    """Read CSeq; raises ProtocolError."""
    number, _, method = " ".join(text.split()).partition(" ")
    if not is_token(method):
        raise ProtocolError(f"a CSeq that cannot be read: {excerpt(text)}")
    return SequenceNumber(read_number(number, MOST_SEQUENCE, "CSeq"), method)


def read_number(text: str, most: int, what: str) -> int:
    """Read a number from 0 to `most`; raises ProtocolError."""
    found = _NUMBER.fullmatch(text.strip(BLANKS))
    if found is None or (number := int(found[0])) > most:
        raise ProtocolError(f"{what} is not a number from 0 to {most}: {excerpt(text)}")
    return number


def read_seconds(text: str | None) -> int | None:
    """Read a time in seconds, such as Expires or `Retry-After: 5 (busy);duration=60`; None: it cannot be used."""
    if text is None or (found := _NUMBER.match(text.strip(BLANKS))) is None:
        return None
    return min(int(found[0]), MOST_SECONDS)


def read_challenges(values: tuple[str, ...]) -> tuple[AuthChallenge, ...]:
    """Read the lines of WWW-Authenticate or Proxy-Authenticate, several in one line too; junk is left out."""
    return tuple(challenge for value in values for challenge in _challenges(value))


def _challenges(text: str) -> Iterator[AuthChallenge]:
    scheme, params = "", list[tuple[str, str]]()
    for found in _CHALLENGE.finditer(text):
        if found[3] is not None:
            if scheme:
                yield AuthChallenge(scheme, tuple(params))
            scheme, params = found[3].lower(), []
        elif scheme:
            params.append((found[1].lower(), unquoted(found[2])))
    if scheme:
        yield AuthChallenge(scheme, tuple(params))


def _uri(text: str) -> str:
    if _URI.fullmatch(text) is None:
        raise ProtocolError(f"a URI that cannot be used: {excerpt(text)}")
    return text


def _display(text: str) -> str:
    return unquoted(text) if text.startswith('"') else " ".join(text.split())


def _parameter(part: str) -> tuple[str, str | None]:
    name, equals, value = part.partition("=")
    if not is_token(name.strip(BLANKS)):
        raise ProtocolError(f"a parameter that cannot be read: {excerpt(part)}")
    return name.strip(BLANKS).lower(), unquoted(value.strip(BLANKS)) if equals else None


def _written(value: str) -> str:
    return value if TOKEN.fullmatch(value) or _PLAIN_VALUE.fullmatch(value) else quoted(value)

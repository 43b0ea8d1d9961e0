"""SIP messages: a start line, headers, an empty line, a body (RFC 3261 section 7); each is one frame (RFC 7118).

Reading is strict where two programs could understand two things (RFC 4475), and bounded. What `parse_message` returns
can be used: the headers that each message must have are there once and readable, and so are all Contacts and routes.
Whatever was read can also be written again. Writing never lets a line end into a value: nobody who chooses a name, a
number or a parameter can add a header of his own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from agent.errors import InvalidArgumentError, ProtocolError
from agent.log import excerpt
from agent.signaling.sip.header_lines import read_line, unfolded
from agent.signaling.sip.header_values import (
    NameAddr,
    SequenceNumber,
    SipVia,
    read_address,
    read_addresses,
    read_number,
    read_sequence,
    read_via,
)
from agent.signaling.sip.headers import NO_HEADERS, SipHeaders
from agent.signaling.sip.quoting import BLANKS, is_token

MOST_BYTES: Final = 64 * 1024  #: of a whole message

_VERSION: Final = "SIP/2.0"
_ONCE: Final = ("From", "To", "Call-ID", "CSeq")
_AT_MOST_ONCE: Final = ("Max-Forwards", "Content-Length", "Content-Type")
_STATUS: Final = re.compile(r"[1-6][0-9][0-9]")
_UNFIT: Final = re.compile(r"[\r\n\x00\ud800-\udfff]")
_UNFIT_IN_URI: Final = re.compile(r"[\s\x00-\x1f\x7f\ud800-\udfff<>\"]")


class SipMessage:
    """What requests and responses have in common; of one that was parsed no property raises anything."""

    headers: SipHeaders
    body: str

    @property
    def call_id(self) -> str:
        """The name that the calling side gave to the call; raises ProtocolError."""
        return _needed(self.headers, "Call-ID")

    @cached_property
    def cseq(self) -> SequenceNumber:
        """The number and method of the request; raises ProtocolError."""
        return read_sequence(_needed(self.headers, "CSeq"))

    @cached_property
    def from_(self) -> NameAddr:
        """Who sent the request; raises ProtocolError."""
        return read_address(_needed(self.headers, "From"))

    @cached_property
    def to(self) -> NameAddr:
        """Whom the request was for; raises ProtocolError."""
        return read_address(_needed(self.headers, "To"))

    @cached_property
    def via(self) -> tuple[SipVia, ...]:
        """The way back, the next hop first, never empty; raises ProtocolError."""
        return tuple(read_via(element) for element in _listed(self.headers, "Via"))

    @cached_property
    def contacts(self) -> tuple[NameAddr, ...]:
        """Where the sender can be reached; empty for `*`."""
        return read_addresses(self.headers.all("Contact"))

    @property
    def content_type(self) -> str:
        """What the body is, in lower case and without parameters, such as `application/sdp`; empty: nothing."""
        return (self.headers.first("Content-Type") or "").partition(";")[0].strip(BLANKS).lower()


@dataclass(frozen=True)
class SipRequest(SipMessage):
    """Somebody wants something."""

    method: str
    uri: str
    headers: SipHeaders = NO_HEADERS
    body: str = ""


@dataclass(frozen=True)
class SipResponse(SipMessage):
    """What became of a request."""

    status: int
    phrase: str
    headers: SipHeaders = NO_HEADERS
    body: str = ""


def parse_message(data: str | bytes) -> SipRequest | SipResponse:
    """Read the one message of a frame; raises ProtocolError, and nothing else, for whatever cannot be used.

    Text that is not UTF-8 has U+FFFD in its place, and so has NUL. Bytes behind Content-Length are dropped.
    """
    if len(data) > MOST_BYTES:
        raise ProtocolError(f"a SIP message of more than {MOST_BYTES} bytes")
    head, body = _apart(data)
    start, *lines = unfolded(head)
    headers = SipHeaders(tuple(read_line(line) for line in lines))
    message = _started(start, headers, _counted(headers, body))
    _check(message)
    return message


def head_of(data: str | bytes) -> str:
    """Return the text before the first empty line of a frame, whatever it is."""
    return _apart(data)[0]


def write_message(message: SipRequest | SipResponse) -> str:
    """Write a message, with its Content-Length; raises InvalidArgumentError for a value that would not stay one."""
    lines = [_start_line(message)]
    for name, value in message.headers.without("Content-Length"):
        if not is_token(name):
            raise InvalidArgumentError(f"{excerpt(name)!r} cannot name a SIP header; use letters, digits and -")
        lines.append(f"{name}: {_fit(value, f'the header {name}').strip(BLANKS)}")
    lines.append(f"Content-Length: {len(_encoded(message.body))}")
    return "\r\n".join(lines) + "\r\n\r\n" + message.body


# Reading


def _apart(data: str | bytes) -> tuple[str, bytes]:
    """Cut at the first empty line; lines may end without CR."""
    raw = (data.encode(errors="replace") if isinstance(data, str) else data).lstrip(b"\r\n")
    found = re.search(rb"\r?\n\r?\n", raw)
    head, body = (raw[: found.start()], raw[found.end() :]) if found else (raw, b"")
    return head.decode(errors="replace").replace("\x00", "\ufffd"), body


def _counted(headers: SipHeaders, body: bytes) -> str:
    """Take so much of the body as Content-Length says; without one all of it, for the frame ends it."""
    length = headers.first("Content-Length")
    count = len(body) if length is None else read_number(length, MOST_BYTES, "Content-Length")
    if count > len(body):
        raise ProtocolError(f"a SIP message whose body has {len(body)} bytes, not {count}")
    return body[:count].decode(errors="replace")


def _started(line: str, headers: SipHeaders, body: str) -> SipRequest | SipResponse:
    first, _, rest = line.partition(" ")
    if first.upper() == _VERSION:
        status, _, phrase = rest.partition(" ")
        if _STATUS.fullmatch(status) is None:
            raise ProtocolError(f"a SIP response without a status: {excerpt(line)}")
        return SipResponse(int(status), phrase.strip(BLANKS), headers, body)
    uri, _, version = rest.partition(" ")
    if version.upper() != _VERSION or not is_token(first) or not uri or _UNFIT_IN_URI.search(uri):
        raise ProtocolError(f"neither a SIP request nor a response: {excerpt(line)}")
    return SipRequest(first, uri, headers, body)


def _check(message: SipRequest | SipResponse) -> None:
    """See that all can be used later on without another look."""
    headers = message.headers
    for name in (*_ONCE, *_AT_MOST_ONCE):
        if len(headers.values(name)) > 1:
            raise ProtocolError(f"a SIP message with more than one {name}")
    check_names(message)
    _ = message.contacts
    read_addresses(headers.all("Record-Route") + headers.all("Route"))
    if isinstance(message, SipRequest) and message.cseq.method != message.method:
        raise ProtocolError(f"a SIP request {message.method} whose CSeq says {excerpt(message.cseq.method)}")


def check_names(message: SipMessage) -> None:
    """Raise ProtocolError where it cannot be told what a message belongs to, and whence it comes."""
    if not message.call_id or any(blank in message.call_id for blank in BLANKS):
        raise ProtocolError(f"a Call-ID that cannot be used: {excerpt(message.call_id)}")
    _ = message.from_, message.to, message.cseq, message.via


def _needed(headers: SipHeaders, name: str) -> str:
    value = headers.first(name)
    if value is None:
        raise ProtocolError(f"a SIP message without {name}")
    return value


def _listed(headers: SipHeaders, name: str) -> tuple[str, ...]:
    elements = headers.all(name)
    if not elements:
        raise ProtocolError(f"a SIP message without {name}")
    return elements


# Writing


def _start_line(message: SipRequest | SipResponse) -> str:
    if isinstance(message, SipResponse):
        if not 100 <= message.status <= 699:
            raise InvalidArgumentError(f"the status of a SIP response is from 100 to 699, not {message.status}")
        return f"{_VERSION} {message.status} {_fit(message.phrase, 'the phrase of a SIP response')}"
    if not is_token(message.method):
        raise InvalidArgumentError(f"{excerpt(message.method)!r} cannot be the method of a SIP request")
    if not message.uri or _UNFIT_IN_URI.search(message.uri):
        raise InvalidArgumentError(f"{excerpt(message.uri)!r} cannot be the URI of a SIP request")
    return f"{message.method} {message.uri} {_VERSION}"


def _fit(value: str, what: str) -> str:
    if found := _UNFIT.search(value):
        raise InvalidArgumentError(
            f"{what} cannot hold a line end, a NUL or half a character; there is one at place {found.start() + 1}"
        )
    return value


def _encoded(body: str) -> bytes:
    try:
        return body.encode()
    except UnicodeEncodeError as exc:
        raise InvalidArgumentError(f"the body of a SIP message has half a character at place {exc.start + 1}") from None

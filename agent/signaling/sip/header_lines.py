"""The lines of a head, which a message has, and each part of a body of several: bounded, unfolded, name and value."""

from __future__ import annotations

from typing import Final

from agent.errors import ProtocolError
from agent.log import excerpt
from agent.signaling.sip.headers import full_name
from agent.signaling.sip.quoting import BLANKS, is_token

MOST_LINES: Final = 256  #: of headers
MOST_LINE_CHARS: Final = 8 * 1024  #: of one header, its folded lines together


def unfolded(head: str) -> list[str]:
    """Cut a head into lines, the first of which nothing is folded into (RFC 3261 section 7.3.1); raises ProtocolError.

    A line that begins with a blank goes on with the line before.
    """
    lines: list[list[str]] = []
    for line in head.split("\n"):
        line = line.removesuffix("\r")
        if "\r" in line:
            raise ProtocolError("a SIP message with a carriage return within a line")
        if line[:1] in (" ", "\t") and len(lines) > 1:
            lines[-1].append(line.strip(BLANKS))
        else:
            lines.append([line])
        if len(lines) > MOST_LINES:
            raise ProtocolError(f"a SIP message of more than {MOST_LINES} headers")
    whole = [" ".join(parts) for parts in lines]
    if max(map(len, whole)) > MOST_LINE_CHARS:
        raise ProtocolError(f"a SIP message with a header of more than {MOST_LINE_CHARS} characters")
    return whole


def read_line(line: str) -> tuple[str, str]:
    """Read one header: its full name, and its value without blanks around it; raises ProtocolError."""
    name, colon, value = line.partition(":")
    name = name.rstrip(BLANKS)
    if not colon or not is_token(name):
        raise ProtocolError(f"a line that is not a SIP header: {excerpt(line)}")
    return full_name(name), value.strip(BLANKS)

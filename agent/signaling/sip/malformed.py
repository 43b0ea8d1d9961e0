"""What can still be said to who sends a request that cannot be read (RFC 3261 sections 8.2.6 and 21.4.1, RFC 4475).

An answer goes back by Via, and belongs to From, To, Call-ID and CSeq. Where a broken request has each of them, once and
readable, it is answered: 400, or 505 to another version of SIP. Nothing else of it goes back, and no word about what
was found. All others are dropped, and so are responses, and ACK, which has no answer.
"""

from __future__ import annotations

import re
from typing import Final

from agent.errors import ProtocolError
from agent.signaling.sip.header_lines import read_line, unfolded
from agent.signaling.sip.headers import SipHeaders
from agent.signaling.sip.message import MOST_BYTES, SipRequest, check_names, head_of
from agent.signaling.sip.quoting import is_token

BAD_REQUEST: Final = 400
OTHER_VERSION: Final = 505
_NEEDED: Final = ("Via", "From", "To", "Call-ID", "CSeq")
_START: Final = re.compile(r"(\S+)[ \t].*[ \t](SIP/[0-9]{1,3}\.[0-9]{1,3})[ \t]*", re.IGNORECASE)
_ANYBODY: Final = "sip:invalid"  # whom it was for is no part of an answer


def answerable(data: str | bytes) -> tuple[SipRequest, int] | None:
    """Return what an answer to this frame needs of it, and the status; None: there is none."""
    if len(data) > MOST_BYTES:
        return None
    try:
        start, *lines = unfolded(head_of(data))
        found = _START.fullmatch(start)
        if found is None or not is_token(found[1]) or found[1] == "ACK":
            return None
        request = SipRequest(found[1], _ANYBODY, _needed(lines))
        check_names(request)
    except ProtocolError:
        return None
    return request, BAD_REQUEST if found[2].upper() == "SIP/2.0" else OTHER_VERSION


def _needed(lines: list[str]) -> SipHeaders:
    """Keep the headers of an answer; raises ProtocolError where one of them stands there twice."""
    kept: list[tuple[str, str]] = []
    for line in lines:
        try:
            name, value = read_line(line)
        except ProtocolError:
            continue
        kept += [(name, value)] if name.lower() in map(str.lower, _NEEDED) else []
    headers = SipHeaders(tuple(kept))
    if any(len(headers.values(name)) > 1 for name in _NEEDED[1:]):
        raise ProtocolError("a SIP request without what its answer needs")
    return headers

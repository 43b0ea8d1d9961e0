"""Which part of a body describes the session (RFC 3261 section 20.11, RFC 5621, RFC 2046 section 5.1).

    application/sdp           the body itself
    multipart/alternative     the last part that describes it
    multipart of any kind     the part that does, if one does; a nested one is looked into
    anything else, or encoded no part does

A part that has another purpose (`early-session`, RFC 3959) is passed over, and so is one that means nothing here,
unless its sender says outright that it has to be understood. Where two readers could find two descriptions there is
none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from agent.errors import ProtocolError
from agent.signaling.sip.header_lines import read_line, unfolded
from agent.signaling.sip.header_values import SipParameters, read_parameters
from agent.signaling.sip.headers import SipHeaders
from agent.signaling.sip.quoting import BLANKS
from agent.signaling.sip.writer import SDP

ACCEPTED: Final = {"Accept": f"{SDP}, multipart/mixed, multipart/alternative, multipart/related"}
MOST_PARTS: Final = 16
MOST_DEPTH: Final = 3
_BOUNDARY: Final = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_EMPTY_LINE: Final = re.compile(r"\r?\n\r?\n")
_PLAIN: Final = frozenset(("", "identity", "7bit", "8bit", "binary"))
_ONCE: Final = ("Content-Type", "Content-Disposition", "Content-Encoding", "Content-Transfer-Encoding")


def session_part(headers: SipHeaders, body: str) -> str:
    """Return the session description in the body of these headers; empty where there is none that can be used."""
    try:
        return _described(headers, body, MOST_DEPTH)
    except ProtocolError:
        return ""


def what_is_taken(headers: SipHeaders) -> dict[str, str]:
    """Return the headers that tell why a body was refused with 415 (RFC 3261 section 21.4.13)."""
    return ACCEPTED if _is_plain(headers) else {**ACCEPTED, "Accept-Encoding": "identity"}


def _described(headers: SipHeaders, body: str, depth: int) -> str:
    """Raises ProtocolError for what must not be taken in part."""
    kind, parameters = _value(headers, "Content-Type")
    if not _is_plain(headers):
        return ""
    if kind == SDP or not kind.startswith("multipart/") or depth == 0:
        return body if kind == SDP else ""
    parts = _parts(body, parameters.get("boundary") or "")
    found = [sdp for part, text in parts if (sdp := _of_part(part, text, depth))]
    if kind == "multipart/alternative":
        return found[-1] if found else ""
    return found[0] if len(found) == 1 else ""


def _of_part(headers: SipHeaders, text: str, depth: int) -> str:
    purpose, parameters = _value(headers, "Content-Disposition")
    sdp = _described(headers, text, depth - 1) if purpose in ("", "session") else ""
    if not sdp and (parameters.get("handling") or "").lower() == "required":
        raise ProtocolError("a part of a body that must be understood, and is not")
    return sdp


def _parts(body: str, boundary: str) -> Iterator[tuple[SipHeaders, str]]:
    """Cut a body at its boundary; raises ProtocolError where it does not end, or has too many parts."""
    if _BOUNDARY.fullmatch(boundary) is None:
        raise ProtocolError("a body of several parts without a boundary that can be used")
    line = re.compile(rf"(?:\A|\r?\n)--{re.escape(boundary)}(--)?[ \t]*(?=\r?\n|\Z)")
    start: int | None = None
    for count, found in enumerate(line.finditer(body)):
        if start is not None:
            yield _part(body[start : found.start()])
        if found[1]:
            return
        if count >= MOST_PARTS:
            raise ProtocolError(f"a body of more than {MOST_PARTS} parts")
        start = found.end()
    raise ProtocolError("a body of several parts that does not end")


def _part(text: str) -> tuple[SipHeaders, str]:
    """Read one part, which begins with the end of the boundary's line."""
    empty = _EMPTY_LINE.search(text)
    head, own = (text, "") if empty is None else (text[: empty.start()], text[empty.end() :])
    headers = SipHeaders(tuple(read_line(line) for line in unfolded(head.rstrip("\r\n"))[1:]))
    if any(len(headers.values(name)) > 1 for name in _ONCE):
        raise ProtocolError("a part of a body that says twice what it is")
    return headers, own if not own or own.endswith("\n") else f"{own}\r\n"  # the line's end is the boundary's


def _value(headers: SipHeaders, name: str) -> tuple[str, SipParameters]:
    value, _, parameters = (headers.first(name) or "").partition(";")
    return value.strip(BLANKS).lower(), read_parameters(parameters)


def _is_plain(headers: SipHeaders) -> bool:
    """Tell whether the text is what its type says, and not packed once more."""
    encodings = (headers.first(name) or "" for name in ("Content-Encoding", "Content-Transfer-Encoding"))
    return all(encoding.strip(BLANKS).lower() in _PLAIN for encoding in encodings)

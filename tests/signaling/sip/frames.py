"""SIP messages for tests: good ones, and ways to change a line."""

from __future__ import annotations

REQUEST = (
    "OPTIONS sip:kiosk@pbx.example SIP/2.0\r\n"
    "Via: SIP/2.0/WSS edge.example;branch=z9hG4bK1\r\n"
    "From: <sip:desk@pbx.example>;tag=a\r\n"
    "To: <sip:kiosk@pbx.example>\r\n"
    "Call-ID: c1\r\n"
    "CSeq: 1 OPTIONS\r\n"
)
RESPONSE = REQUEST.replace("OPTIONS sip:kiosk@pbx.example SIP/2.0", "SIP/2.0 200 OK")


def request(*lines: str, body: str = "") -> str:
    """A request; each line takes the place of the one of its name, or is added."""
    return _made(REQUEST, lines, body)


def response(*lines: str, body: str = "") -> str:
    """The answer to it."""
    return _made(RESPONSE, lines, body)


def without(text: str, name: str) -> str:
    """The same without a header."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith(f"{name}:"))


def _made(text: str, lines: tuple[str, ...], body: str) -> str:
    for line in lines:
        text = without(text, line.partition(":")[0]) + f"{line}\r\n"
    return f"{text}\r\n{body}"

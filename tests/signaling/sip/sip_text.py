"""SIP text as tests read and write it: by hand, so that the program is not judged by its own parser."""

from __future__ import annotations

import re
from collections.abc import Sequence


class Text:
    """One message: a start line, lines of headers, a body."""

    def __init__(self, start: str, lines: Sequence[tuple[str, str]], body: str = "") -> None:
        self.start = start
        self.lines = list(lines)
        self.body = body

    @classmethod
    def read(cls, raw: str) -> Text:
        head, _, body = raw.replace("\r\n", "\n").partition("\n\n")
        start, *lines = head.split("\n")
        return cls(start, [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines)],
                   body.replace("\n", "\r\n"))  # fmt: skip

    @property
    def is_request(self) -> bool:
        return not self.start.startswith("SIP/2.0")

    @property
    def method(self) -> str:
        """The method of the request, or of that which is answered."""
        return self.get("CSeq").split()[1]

    @property
    def status(self) -> int:
        return 0 if self.is_request else int(self.start.split()[1])

    @property
    def uri(self) -> str:
        return self.start.split()[1]

    def all(self, name: str) -> list[str]:
        return [value for line, value in self.lines if line.lower() == name.lower()]

    def get(self, name: str) -> str:
        return next(iter(self.all(name)), "")

    def tag(self, name: str) -> str:
        found = re.search(r";tag=([^;>\s]+)", self.get(name))
        return found[1] if found else ""

    def put(self, name: str, *values: str) -> Text:
        self.lines = [line for line in self.lines if line[0].lower() != name.lower()]
        self.lines += [(name, value) for value in values]
        return self

    def replaced(self, name: str, values: list[str]) -> None:
        """Put these into the place of the first line of this name."""
        at = next((n for n, line in enumerate(self.lines) if line[0].lower() == name.lower()), 0)
        self.lines = [line for line in self.lines if line[0].lower() != name.lower()]
        self.lines[at:at] = [(name, value) for value in values]

    def copy(self) -> Text:
        return Text(self.start, self.lines, self.body)

    def __str__(self) -> str:
        length = len(self.body.encode())
        lines = [f"{name}: {value}" for name, value in self.lines if name.lower() != "content-length"]
        return "\r\n".join([self.start, *lines, f"Content-Length: {length}"]) + f"\r\n\r\n{self.body}"

    def __repr__(self) -> str:
        return f"<{self.start}>"


def answer_to(request: Text, status: int, phrase: str, *, tag: str = "", body: str = "", **more: str) -> Text:
    """The response to a request; `more` are headers, `_` for `-`."""
    lines = [(name, value) for name in ("Via", "Record-Route", "From", "To", "Call-ID", "CSeq")
             for value in request.all(name)]  # fmt: skip
    answer = Text(f"SIP/2.0 {status} {phrase}", lines, body)
    if tag and not answer.tag("To"):
        answer.put("To", f"{request.get('To')};tag={tag}")
    for name, value in more.items():
        answer.lines.append((name.replace("_", "-"), value))
    if body:
        answer.lines.append(("Content-Type", "application/sdp"))
    return answer

"""The headers of one SIP message: in order, found without regard to case, each under its long name (RFC 3261 7.3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from agent.signaling.sip.quoting import split

#: One letter may stand for a name (RFC 3261 section 7.3.3 and the registry of header fields).
COMPACT: Final = {
    "a": "Accept-Contact", "b": "Referred-By", "c": "Content-Type", "d": "Request-Disposition", "e": "Content-Encoding",
    "f": "From", "i": "Call-ID", "j": "Reject-Contact", "k": "Supported", "l": "Content-Length", "m": "Contact",
    "n": "Identity-Info", "o": "Event", "r": "Refer-To", "s": "Subject", "t": "To", "u": "Allow-Events", "v": "Via",
    "x": "Session-Expires", "y": "Identity",
}  # fmt: skip


@dataclass(frozen=True)
class SipHeaders:
    """Lines of `(name, value)`; nothing changes them: each change returns other headers."""

    lines: tuple[tuple[str, str], ...] = ()

    def first(self, name: str) -> str | None:
        """Return the whole value of the first line of this name; None where there is none."""
        return next((value for value in self._values(name)), None)

    def values(self, name: str) -> tuple[str, ...]:
        """Return the whole value of each line of this name."""
        return tuple(self._values(name))

    def all(self, name: str) -> tuple[str, ...]:
        """Return the elements of a header that is a list: of one line with commas, of several lines, or of both."""
        return tuple(element for value in self._values(name) for element in split(value, ","))

    def options(self, name: str) -> frozenset[str]:
        """Return the words of Supported, Require, Allow and the like, in lower case."""
        return frozenset(element.lower() for element in self.all(name))

    def replaced(self, name: str, *values: str) -> SipHeaders:
        """Put these lines into the place of those of this name, or to the end; no value takes the header out."""
        key, lines, is_put = full_name(name).lower(), list[tuple[str, str]](), False
        fresh = [(name, value) for value in values]
        for line in self.lines:
            if full_name(line[0]).lower() != key:
                lines.append(line)
            elif not is_put:
                lines.extend(fresh)
                is_put = True
        return SipHeaders((*lines, *(() if is_put else fresh)))

    def added(self, name: str, *values: str) -> SipHeaders:
        """Put lines to the end; those of this name stay."""
        return SipHeaders((*self.lines, *((name, value) for value in values)))

    def without(self, *names: str) -> SipHeaders:
        """Take headers out."""
        keys = {full_name(name).lower() for name in names}
        return SipHeaders(tuple(line for line in self.lines if full_name(line[0]).lower() not in keys))

    def only(self, *names: str) -> SipHeaders:
        """Keep the lines of these names, in the order in which they stand."""
        keys = {full_name(name).lower() for name in names}
        return SipHeaders(tuple(line for line in self.lines if full_name(line[0]).lower() in keys))

    def __contains__(self, name: str) -> bool:
        return self.first(name) is not None

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.lines)

    def _values(self, name: str) -> Iterator[str]:
        key = full_name(name).lower()
        return (value for line, value in self.lines if full_name(line).lower() == key)


NO_HEADERS: Final = SipHeaders()


def full_name(name: str) -> str:
    """Return the long form of a header's name."""
    return COMPACT.get(name.lower(), name) if len(name) == 1 else name

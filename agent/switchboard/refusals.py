"""Why the switchboard ends a call that was not answered: code and text of its `hangup` (spec: signaling 8). Pure."""

from __future__ import annotations

from typing import Final, NamedTuple


class CallRefusal(NamedTuple):
    """A SIP status in the voice service's numbers, and what it says."""

    code: int
    text: str


NOT_FOUND: Final = CallRefusal(31404, "Not Found")
NO_ANSWER: Final = CallRefusal(31480, "Temporarily Unavailable")
BUSY: Final = CallRefusal(31486, "Busy Here")
BAD_MEDIA: Final = CallRefusal(31488, "Not Acceptable Here")
TOO_MANY: Final = CallRefusal(31503, "Service Unavailable")
DECLINE: Final = CallRefusal(31603, "Decline")

"""Why the switchboard ends a call that was not answered: code and text of its `hangup` (spec: signaling 8). Pure."""

from __future__ import annotations

from typing import Final, NamedTuple


class Refusal(NamedTuple):
    """A SIP status in the voice service's numbers, and what it says."""

    code: int
    text: str


NOT_FOUND: Final = Refusal(31404, "Not Found")
NO_ANSWER: Final = Refusal(31480, "Temporarily Unavailable")
BUSY: Final = Refusal(31486, "Busy Here")
BAD_MEDIA: Final = Refusal(31488, "Not Acceptable Here")
TOO_MANY: Final = Refusal(31503, "Service Unavailable")
DECLINE: Final = Refusal(31603, "Decline")

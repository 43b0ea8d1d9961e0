"""How a call ended, in one word for the list of calls; pure."""

from __future__ import annotations

OUTGOING, INCOMING = "outgoing", "incoming"
UNANSWERED = "unanswered"

# SIP's status codes (RFC 3261 section 21), as the voice service counts them.
_REFUSALS = {
    31404: "unknown",
    31408: UNANSWERED,
    31480: UNANSWERED,
    31486: "busy",
    31600: "busy",
    31603: "rejected",
}


def outcome(direction: str, event: str, *, answered: bool, code: int | None, failed: bool) -> str:
    """Name the end of a call: `event` was its last, `failed` says whether an error came before it, `code` which."""
    if answered:
        return "answered"
    if direction == OUTGOING and event == UNANSWERED:
        return UNANSWERED
    if direction == OUTGOING:
        return _REFUSALS.get(code or 0, "failed") if failed else "given up"
    if failed:
        return "failed"
    return {"reject": "rejected", "ignore": "ignored"}.get(event, "missed")

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


def outcome(
    direction: str, event: str, *, answered: bool, code: int | None, failed: bool, ended_here: bool = True
) -> str:
    """Name the end of a call: `event` was its last, `failed` says whether an error came before it, `code` which.

    The far side may end a call that it has not answered without an error, as a PBX does for one that nobody takes.
    """
    if answered:
        return "answered"
    if direction == OUTGOING and event == UNANSWERED:
        return UNANSWERED
    if direction == OUTGOING:
        return _REFUSALS.get(code or 0, "failed") if failed else "given up" if ended_here else "not taken"
    if failed:
        return "failed"
    return {"reject": "rejected", "ignore": "ignored"}.get(event, "missed")

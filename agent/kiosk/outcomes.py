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

    A PBX ends a call that nobody takes without an error; `code` is then what its answer would be as one.
    """
    if answered:
        return "answered"
    if direction == OUTGOING and event == UNANSWERED:
        return UNANSWERED
    if direction == OUTGOING:
        if ended_here and not failed:
            return "given up"
        return _REFUSALS.get(code or 0, "failed" if failed else "not taken")
    if failed:
        return "failed"
    return {"reject": "rejected", "ignore": "ignored"}.get(event, "missed")

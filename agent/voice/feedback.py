"""What the user thinks of a call: the allowed answers and the event they become (spec: connection 6)."""

from __future__ import annotations

from typing import Any, Final

from agent.errors import InvalidArgumentError

SCORES: Final = (1, 2, 3, 4, 5)
ISSUES: Final = ("audio-latency", "choppy-audio", "dropped-call", "echo", "noisy-call", "one-way-audio")


def feedback_event(score: object = None, issue: object = None) -> tuple[str, dict[str, Any] | None]:
    """Name and payload of the Insights event; no score at all means that the user gave none.

    Raises InvalidArgumentError for a score outside 1-5 or an unknown issue.
    """
    if score is None:
        return "received-none", None
    if isinstance(score, bool) or score not in SCORES:
        raise InvalidArgumentError("argument score: the score must be one of " + ", ".join(map(str, SCORES)))
    if issue is None:
        return "received", {"quality_score": score}
    if issue not in ISSUES:
        raise InvalidArgumentError("argument issue: the issue must be one of " + ", ".join(ISSUES))
    return "received", {"quality_score": score, "issue_name": issue}

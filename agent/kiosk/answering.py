"""What the box does about calls by itself: whom it answers, whom it refuses, when it gives up; pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase


class CallDecision(Enum):
    """What becomes of an incoming call."""

    RING = "ring"
    ANSWER = "answer"  # rings first, for `auto_answer_delay_ms`
    REJECT = "reject"  # for every phone of this identity; the caller is told
    IGNORE = "ignore"  # goes on ringing elsewhere


@dataclass(frozen=True)
class AnsweringSettings:
    """`[answering]`: what happens to calls that nobody touches."""

    auto_answer: tuple[str, ...] = field(
        default=(),
        metadata={"help": "callers that are answered without a button: client:reception, +4930*; * is everybody"},
    )
    auto_answer_delay_ms: int = field(
        default=1000, metadata={"help": "how long it rings before it is answered by itself", "min": 0, "max": 60_000}
    )
    max_ring_s: float = field(
        default=60.0, metadata={"help": "a call that nobody takes ends after this long; 0 is never", "min": 0}
    )
    max_talk_s: float = field(default=0.0, metadata={"help": "a call is ended after this long; 0 is never", "min": 0})
    busy_calls: str = field(
        default="ignore",
        metadata={
            "help": "a second call during a call: ignore it; reject it; or let it ring, accepting it ends the first",
            "choices": ("ignore", "reject", "ring"),
        },
    )
    do_not_disturb: bool = field(default=False, metadata={"help": "start in do-not-disturb: no call rings"})
    disturbing_calls: str = field(
        default="reject",
        metadata={"help": "calls in do-not-disturb: reject them, or ignore them", "choices": ("reject", "ignore")},
    )


def decide(settings: AnsweringSettings, caller: str, *, busy: bool, do_not_disturb: bool) -> CallDecision:
    """What to do about a call from `caller`, which is the invite's `From`."""
    if do_not_disturb:
        return CallDecision(settings.disturbing_calls)
    if busy:
        return CallDecision(settings.busy_calls)
    wanted = any(fnmatchcase(caller, pattern) for pattern in settings.auto_answer)
    return CallDecision.ANSWER if wanted else CallDecision.RING


def limit_s(seconds: float) -> float | None:
    """A limit of the settings; None is for ever."""
    return seconds or None

"""When the box answers, stops ringing or ends a call by itself: the intercom's rules; pure."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class AnsweringSettings:
    """`[answering]`: what happens to calls that nobody touches."""

    auto_answer: tuple[str, ...] = field(
        default=(),
        metadata={"help": 'callers that are answered without a button, such as "client:reception"; "*" is everybody'},
    )
    auto_answer_delay_ms: int = field(
        default=1000, metadata={"help": "how long it rings before it is answered by itself", "min": 0, "max": 60_000}
    )
    max_ring_s: float = field(
        default=60.0, metadata={"help": "an incoming call is ignored after this long; 0 is never", "min": 0}
    )
    max_talk_s: float = field(default=0.0, metadata={"help": "a call is ended after this long; 0 is never", "min": 0})
    do_not_disturb: bool = field(
        default=False, metadata={"help": "start in do-not-disturb: incoming calls are rejected"}
    )


def answers_by_itself(settings: AnsweringSettings, caller: str) -> bool:
    """Whether a call from `caller` (the invite's `From`) is accepted without a button."""
    return "*" in settings.auto_answer or caller in settings.auto_answer


def ring_limit_s(settings: AnsweringSettings) -> float | None:
    """How long an incoming call may ring; None is for ever."""
    return settings.max_ring_s or None


def talk_limit_s(settings: AnsweringSettings) -> float | None:
    """How long a call may last; None is for ever."""
    return settings.max_talk_s or None

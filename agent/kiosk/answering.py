"""What the box does about calls by itself: whom it answers, whom it refuses, when it gives up; pure."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from fnmatch import fnmatchcase

from agent.config.settings import AnsweringSettings
from agent.errors import InvalidArgumentError
from agent.signaling.sip.uri import target_uri

WARNING_S = 10.0
CROSSING_S = 1.5  # enough for the other end's answer to arrive


class CallDecision(Enum):
    """What becomes of an incoming call."""

    RING = "ring"
    ANSWER = "answer"  # rings first, for `auto_answer_delay_ms`
    REJECT = "reject"  # for every phone of this identity; the caller is told
    IGNORE = "ignore"  # goes on ringing elsewhere


def decide(settings: AnsweringSettings, caller: str, *, busy: bool, do_not_disturb: bool) -> CallDecision:
    """Decide what to do about a call from `caller`, which is the invite's `From`."""
    if do_not_disturb:
        return CallDecision(settings.disturbing_calls)
    if busy:
        return CallDecision(settings.busy_calls)
    wanted = any(fnmatchcase(caller, pattern) for pattern in settings.auto_answer)
    return CallDecision.ANSWER if wanted else CallDecision.RING


def bare_name(name: str) -> str:
    """Take off what the voice service writes before a name."""
    return name.removeprefix("client:")


def sip_name(domain: str) -> Callable[[str], str]:
    """Make what writes users, numbers and URIs in one way, to be compared; of this domain where they name none."""

    def name(text: str) -> str:
        try:
            user, _, host = target_uri(text, domain).partition(";")[0].rpartition("@")
        except InvalidArgumentError:
            return text
        return f"{user}@{host.lower()}"

    return name


def crosses(dialled: str, caller: str, ourselves: str, name: Callable[[str], str] = bare_name) -> bool:
    """Tell whether `caller` is who is being dialled; one who dials itself meets nobody."""
    return name(dialled) == name(caller) != name(ourselves)


def crossing_wait_s(ourselves: str, caller: str, name: Callable[[str], str] = bare_name) -> float:
    """Tell how long to wait before a call that crosses ours is answered in its place.

    Of two boxes one answers at once, and the other finds its own call answered; of a phone that knows nothing of this,
    the call is answered in any case.
    """
    return 0.0 if name(ourselves) < name(caller) else CROSSING_S


def limit_s(seconds: float) -> float | None:
    """Return a limit of the settings; None is for ever."""
    return seconds or None


def warning_s(limit: float) -> float:
    """Tell how long before its end, in seconds, a call that may last so many is warned of."""
    return min(WARNING_S, limit / 2)

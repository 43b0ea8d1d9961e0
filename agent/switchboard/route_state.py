"""Where a call stands, and what moves it on: one table; what it does not know changes nothing. Pure."""

from __future__ import annotations

from enum import Enum, auto


class RouteState(Enum):
    """Where a call stands."""

    RINGING = auto()
    ANSWERING = auto()  # the media of the callee that answered is made ready
    CONNECTING = auto()  # then the caller's
    OPEN = auto()
    ENDED = auto()


class RouteEvent(Enum):
    """What may move a call on."""

    ANSWER = auto()
    CALLEE_READY = auto()
    CALLER_READY = auto()
    REFUSE = auto()
    END = auto()


_NEXT = {
    (RouteState.RINGING, RouteEvent.ANSWER): RouteState.ANSWERING,
    (RouteState.RINGING, RouteEvent.REFUSE): RouteState.ENDED,
    (RouteState.RINGING, RouteEvent.END): RouteState.ENDED,
    (RouteState.ANSWERING, RouteEvent.CALLEE_READY): RouteState.CONNECTING,
    (RouteState.ANSWERING, RouteEvent.END): RouteState.ENDED,
    (RouteState.CONNECTING, RouteEvent.CALLER_READY): RouteState.OPEN,
    (RouteState.CONNECTING, RouteEvent.END): RouteState.ENDED,
    (RouteState.OPEN, RouteEvent.END): RouteState.ENDED,
}


def next_state(state: RouteState, event: RouteEvent) -> RouteState | None:
    """Return where `event` leads; None when it means nothing now."""
    return _NEXT.get((state, event))

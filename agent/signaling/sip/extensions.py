"""What a request may insist on (Require), and the session timer that it may want (RFC 3261 section 8.2.2.3, RFC 4028).

    Require: timer                    our 200
    refresher=uac, or none named      Session-Expires as asked: the far end asks anew in time, as it wants to
    refresher=uas                     the same, and we ask anew after half of the time
    no Session-Expires                nothing

Who only supports timers (`Supported: timer`) gets none, and is answered whenever it asks anew: a call whose far end is
gone is noticed by its sound. Reliable provisional responses, replaced calls and the like (100rel, replaces) we lack.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from agent.signaling.sip.header_values import read_seconds
from agent.signaling.sip.message import SipRequest

TIMER: Final = "timer"
SUPPORTED: Final = ("outbound", "gruu", "path")  #: what we say that we have
#: ... and what a far end may count on besides: every description of ours has ICE (RFC 5768).
UNDERSTOOD: Final = frozenset((*SUPPORTED, TIMER, "ice"))
LEAST_S: Final = 90  #: that a session lives whose refreshes are ours (RFC 4028 section 4)
_REFRESHED: Final = ("INVITE", "UPDATE")
_REFRESHER: Final = re.compile(r";\s*refresher\s*=\s*uas\b", re.IGNORECASE)


@dataclass(frozen=True)
class SessionTimer:
    """How long a session lives without being asked about anew, and whether that is ours to do."""

    interval_s: int
    is_ours: bool

    def lines(self) -> dict[str, str]:
        """Write what goes into our 200."""
        refresher = "uas" if self.is_ours else "uac"
        return {"Require": TIMER, "Session-Expires": f"{self.interval_s};refresher={refresher}"}


def timer_of(request: SipRequest) -> SessionTimer | None:
    """Return the timer that a request insists on; None where it does not."""
    value = request.headers.first("Session-Expires")
    seconds = read_seconds(value)
    if request.method not in _REFRESHED or seconds is None or TIMER not in request.headers.options("Require"):
        return None
    return SessionTimer(seconds, _REFRESHER.search(value or "") is not None)


def refusal_of(request: SipRequest) -> tuple[int, dict[str, str]] | None:
    """Tell with which status and headers a request is refused that wants what we lack; None: we have it."""
    if lacking := request.headers.options("Require") - UNDERSTOOD:
        return 420, {"Unsupported": ", ".join(sorted(lacking))}
    timer = timer_of(request)
    if timer is not None and timer.is_ours and timer.interval_s < LEAST_S:
        return 422, {"Min-SE": str(LEAST_S)}
    return None


class Refreshes:
    """When each call is asked about anew because its far end wants us to."""

    def __init__(self) -> None:
        self._due: dict[str, tuple[float, float]] = {}  # by name: when, and again after so many seconds

    def asked(self, sid: str, request: SipRequest, now: float) -> None:
        """Note what a request of its far end wants; the latest INVITE or UPDATE counts."""
        if request.method not in _REFRESHED:
            return
        timer = timer_of(request)
        self.over(sid)
        if timer is not None and timer.is_ours:
            self._due[sid] = now + timer.interval_s / 2, timer.interval_s / 2

    def over(self, sid: str) -> None:
        """Forget a call."""
        self._due.pop(sid, None)

    def deadline(self) -> float | None:
        """Tell when `due` is to be asked; None when nothing is awaited."""
        return min((at for at, _ in self._due.values()), default=None)

    def due(self, now: float) -> list[str]:
        """Return the calls whose time it is, and begin their next one."""
        ready = [(sid, every_s) for sid, (at, every_s) in self._due.items() if now >= at]
        self._due |= {sid: (now + every_s, every_s) for sid, every_s in ready}
        return [sid for sid, _ in ready]

"""How long a call waits for whatever is missing. Pure."""

from __future__ import annotations

from agent.switchboard.call_leg import CallLeg
from agent.switchboard.settings import SwitchboardSettings

DIALLING_GRACE_S = 10.0  # a call that nobody answered yet waits this long for its caller's socket
GOODBYE_GRACE_S = 8.0  # a client that can resume its call may reload its page


class CallTimeouts:
    """The limits of one call; `now` is monotonic seconds."""

    def __init__(self, settings: SwitchboardSettings) -> None:
        self._settings = settings
        self._rings_until: float | None = None
        self._rejects_at: float | None = None

    def start(self, now: float) -> None:
        """Begin to ring."""
        self._rings_until = now + self._settings.ring_timeout_s

    def reject_at(self, at: float) -> None:
        """Let the call be rejected then, by nobody."""
        self._rejects_at = at

    def has_rung_out(self, now: float) -> bool:
        """Tell whether it has rung for too long."""
        return self._rings_until is not None and now >= self._rings_until

    def is_rejected(self, now: float) -> bool:
        """Tell whether the time of its rejection has come."""
        return self._rejects_at is not None and now >= self._rejects_at

    def is_over(self, leg: CallLeg, ringing: bool, now: float) -> bool:
        """Tell whether `leg` has been without media or without its client for too long."""
        limit_s = self._settings.reconnect_grace_s
        grace_s = min(leg.patience_s or limit_s, limit_s)
        return (
            _lasts(leg.left_at, GOODBYE_GRACE_S, now)
            or _lasts(leg.silent_at, self._settings.media_grace_s, now)
            or _lasts(leg.detached_at, min(grace_s, DIALLING_GRACE_S) if ringing else grace_s, now)
        )


def _lasts(since: float | None, limit_s: float, now: float) -> bool:
    return since is not None and now - since > limit_s

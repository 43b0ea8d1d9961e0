"""How long a call waits for whatever is missing. Pure."""

from __future__ import annotations

from collections.abc import Callable

from agent.switchboard.effects import Leg
from agent.switchboard.settings import SwitchboardSettings

DIALLING_GRACE_S = 10.0  # a call that nobody answered yet waits this long for its caller's socket
GOODBYE_GRACE_S = 8.0  # a client that can resume its call may reload its page


class Patience:
    """The limits of one call; `now` is monotonic seconds."""

    def __init__(self, settings: SwitchboardSettings) -> None:
        self._settings = settings

    def is_over(self, leg: Leg, ringing: bool, now: float, is_present: Callable[[str], bool]) -> bool:
        """Tell whether `leg` has been without media or without its client for too long."""
        if leg.left_at is not None and now - leg.left_at > GOODBYE_GRACE_S:
            return True
        if leg.silent_at is not None and now - leg.silent_at > self._settings.media_grace_s:
            return True
        if leg.detached_at is None:
            return False
        if is_present(leg.identity):
            leg.detached_at = now  # the client is there, even if it has nothing to say about the call
        grace_s = self._settings.reconnect_grace_s
        return now - leg.detached_at > (min(grace_s, DIALLING_GRACE_S) if ringing else grace_s)

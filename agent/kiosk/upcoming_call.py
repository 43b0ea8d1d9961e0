"""The call that is dialled next by itself, for somebody who waits at the box."""

from __future__ import annotations

from collections.abc import Callable

from agent.clock import Timer
from agent.hub_clock import HubClock
from agent.kiosk.wish import Wish


class UpcomingCall:
    """At most one, on the hub; whoever dials it looks again at whether it is still wanted."""

    def __init__(self) -> None:
        self._timer: Timer | None = None

    @property
    def is_planned(self) -> bool:
        """Whether a call is about to be dialled."""
        return self._timer is not None

    def plan(self, delay_s: float, dial: Callable[[Wish], None], wish: Wish) -> None:
        """Dial whom somebody wants after so long."""
        self._timer = HubClock().call_later(delay_s, self._begin, dial, wish)

    def cancel(self) -> bool:
        """Give it up; False when there is none."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        return timer is not None

    def _begin(self, dial: Callable[[Wish], None], wish: Wish) -> None:
        self._timer = None
        dial(wish)

"""What waits until the service is reached: for the first time (spec: signaling 11), or also whenever it was lost.

In the second generation a socket is opened only when something needs it, and a call that is made may be the first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from agent.clock import Clock, Timer

WAIT_S: Final = 10.0  # whoever presses a button is told by then


class FirstContact:
    """Runs what waits in its order at the first `connected` of a stream, or gives it up."""

    def __init__(self, clock: Clock, waits: bool, waits_again: bool = False) -> None:
        """Without `waits` everything is done at once; with `waits_again` not while a socket is lost."""
        self._clock = clock
        self._is_made = not waits
        self._waits = waits
        self._waits_again = waits_again
        self._waiting: list[tuple[Callable[[], None], Callable[[], None]]] = []
        self._timer: Timer | None = None

    def when_made(self, do: Callable[[], None], give_up: Callable[[], None] = lambda: None) -> None:
        """Call `do()` now or when the service is reached, or `give_up()` when it is not in WAIT_S."""
        if self._is_made:
            do()
            return
        self._waiting.append((do, give_up))
        if self._timer is None:
            self._timer = self._clock.call_later(WAIT_S, self.fail)

    def made(self) -> None:
        """Do what waits."""
        self._is_made = True
        for do, _give_up in self._take():
            do()

    def interrupted(self) -> None:
        """Note that the socket is lost, and that another one is on its way."""
        if self._waits_again:
            self._is_made = False

    def lost(self) -> None:
        """Begin anew: the stream that was reached is gone for good."""
        self._is_made = not self._waits
        self.fail()

    def fail(self) -> None:
        """Give up what waits."""
        for _do, give_up in self._take():
            give_up()

    def _take(self) -> list[tuple[Callable[[], None], Callable[[], None]]]:
        waiting, self._waiting = self._waiting, []
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
        return waiting

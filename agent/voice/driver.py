"""The thin shell around a core that waits for points in time: its clock and its one alarm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from agent.alarm import Alarm

if TYPE_CHECKING:
    from agent.clock import Clock


class TimedCore(Protocol):
    """A core without a clock: each of its events takes `now` as its last argument and returns effects in order."""

    def deadline(self) -> float | None:
        """Tell when `tick` is due; None when nothing is awaited."""

    def tick(self, now: float) -> Sequence[Any]:
        """Let time pass."""


_Core = TypeVar("_Core", bound=TimedCore)
_Effect = TypeVar("_Effect")


class Driver(Generic[_Core, _Effect]):
    """Feeds one core with the time and hands each of its effects to `perform`, in order."""

    def __init__(self, clock: Clock, core: _Core, perform: Callable[[_Effect], None]) -> None:
        self.core = core
        self._clock = clock
        self._perform = perform
        self._alarm = Alarm(clock, core.deadline, self._tick)
        self._ended = False
        self._alarm.follow()

    def tell(self, event: Callable[..., Sequence[_Effect]], *args: Any) -> None:
        """Call `event`, a method of the core's class, with `args` and the time, and do what comes of it."""
        if not self._ended:
            self._carry_out(event(self.core, *args, self._clock.now()))

    def end(self, event: Callable[..., Sequence[_Effect]], *args: Any) -> None:
        """Do the same for the last time: what was still to be done, or is told later, leads to nothing; idempotent."""
        try:
            self.tell(event, *args)
        finally:
            self._ended = True
            self._alarm.cancel()

    def overdue_s(self) -> float:
        """Return the seconds since the core should have been told of the time."""
        return self._alarm.overdue_s()

    def _tick(self) -> None:
        self._carry_out(self.core.tick(self._clock.now()))

    def _carry_out(self, effects: Sequence[_Effect]) -> None:
        self._alarm.follow()
        for effect in effects:
            if not self._ended:  # whoever was told of an effect may have ended it
                self._perform(effect)

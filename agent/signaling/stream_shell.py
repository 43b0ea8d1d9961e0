"""What every signaling connection is on the gevent hub, whatever protocol its cores speak.

Its cores come to their new state first; what is left of their effects is carried out here, one after the other, and
one alarm follows their deadline. Handlers of an event see the status that belongs to it.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, Final, Generic, Protocol, TypeVar

from agent.alarm import Alarm
from agent.clock import Clock
from agent.effects import EffectQueue
from agent.handlers import HubEmitter
from agent.hub_clock import HubClock

PAUSE_S: Final = 0.1  # a handler that answers every error with a message that fails must not eat the machine

E = TypeVar("E")


class ConnectionCore(Protocol):
    """The core whose connection it is."""

    @property
    def status(self) -> str: ...

    @property
    def is_opened(self) -> bool: ...

    @property
    def is_destroyed(self) -> bool: ...


class StreamShell(HubEmitter, ABC, Generic[E]):
    """Carries out effects of kind `E` and knows whether it gets on; what they mean is its heir's."""

    def __init__(self, clock: Clock | None, core: ConnectionCore, deadline: Callable[[], float | None]) -> None:
        """`deadline()` is when `_tick` is due, in monotonic seconds."""
        super().__init__()
        self._clock = clock or HubClock()
        self._core = core
        self._deadline = deadline
        self._queue: EffectQueue[E] = EffectQueue(self._carry_out, self._pause)
        self._alarm = Alarm(self._clock, deadline, self._tick)
        self._told_status: str | None = None
        self._busy_since: float | None = None
        self._failing_since: float | None = None

    @abstractmethod
    def _tick(self) -> None: ...

    @abstractmethod
    def _perform(self, effect: E) -> None: ...

    @property
    def status(self) -> str:
        """`disconnected`, `connected`, `ready` or `offline`; to a handler, the one that belongs to its event."""
        if self._told_status is None or self._core.is_destroyed:
            return self._core.status
        return self._told_status

    def overdue_s(self) -> float:
        """Return the seconds since it should have done its next step; for ever where it waits for nothing at all."""
        if self._core.is_destroyed or not self._core.is_opened:
            return 0.0
        if self._deadline() is None:
            return math.inf
        now = self._clock.now()
        late = [now - since for since in (self._busy_since, self._failing_since) if since is not None]
        return max(self._alarm.overdue_s(), *late, 0.0)

    def _do(self, effects: Iterable[E]) -> None:
        """Carry these out, behind those that are due already; the cores are in their new state."""
        self._alarm.follow()
        self._queue.run(effects)

    def _tell(self, event: str, payload: dict[str, Any], status: str, *, after_end: bool) -> None:
        """Emit an event; a stream that is destroyed tells nothing more, but for what is `after_end`."""
        if self._core.is_destroyed and not after_end:
            return
        self._told_status = status
        try:
            self.emit(event, payload)
        finally:
            self._told_status = None

    def _pause(self, go_on: Callable[[], None]) -> None:
        self._clock.call_later(PAUSE_S, go_on)

    def _carry_out(self, effect: E) -> None:
        """Note since when this works, or does not; an effect that fails is lost, and the next one may not be."""
        self._busy_since = began = self._clock.now()
        try:
            self._perform(effect)
        except Exception:
            self._failing_since = began if self._failing_since is None else self._failing_since
            raise
        else:
            self._failing_since = None
        finally:
            self._busy_since = None

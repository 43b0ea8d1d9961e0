"""Says again and again that this Device takes calls (spec: device 8)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Protocol

from agent.voice.driver import Driver, TimedCore

if TYPE_CHECKING:
    from agent.clock import Clock

INTERVAL_S: Final = 30.0


class RegistrationState(StrEnum):
    """What `Device.state` says (spec: signaling 11)."""

    UNREGISTERED = "unregistered"
    REGISTERING = "registering"
    REGISTERED = "registered"
    DESTROYED = "destroyed"


@dataclass(frozen=True)
class Register:
    """Send one `register`."""

    present: bool


class RegisteringCore(TimedCore, Protocol):
    """What each generation has its own core for."""

    present: bool
    state: RegistrationState

    @property
    def needs_stream(self) -> bool: ...

    def set(self, present: bool, now: float) -> Any: ...

    def connected(self, now: float) -> Any: ...

    def ready(self, now: float) -> Any: ...

    def offline(self, now: float) -> Any: ...

    def lost(self, now: float) -> Any: ...

    def stop(self, now: float) -> Any: ...


class RegistrationCore:
    """The first generation's presence flag: one `register` now, and one 30 s after each while the flag is set."""

    needs_stream = True  # as a Device that takes no calls may make some

    def __init__(self, present: bool) -> None:
        self.present = present
        self.state = RegistrationState.UNREGISTERED
        self._due: float | None = None

    def set(self, present: bool, now: float) -> list[Register]:
        """Take calls or stop taking them."""
        self.present = present
        return self.tick(now)

    def connected(self, now: float) -> list[Register]:
        """Say it, whatever was said before."""
        return self.tick(now)

    def ready(self, now: float) -> list[Register]:
        """Note that the service took the registration."""
        self.state = RegistrationState.REGISTERED
        return []

    def offline(self, now: float) -> list[Register]:
        """Note that the service does not have us any more."""
        self.state = RegistrationState.UNREGISTERED
        return []

    def lost(self, now: float) -> list[Register]:
        """Go on saying it: it waits in the stream."""
        return []

    def stop(self, now: float) -> list[Register]:
        """Say nothing more by itself."""
        self._due = None
        return []

    def deadline(self) -> float | None:
        """Tell when `tick` is due; None when nothing is to be said."""
        return self._due

    def tick(self, now: float) -> list[Register]:
        """Say it now, and again later."""
        self._due = now + INTERVAL_S if self.present else None
        return [Register(self.present)]


class Registration:
    """Carries the core of its generation out for one Device."""

    def __init__(
        self,
        clock: Clock,
        core: RegisteringCore,
        send: Callable[[bool], bool],
        show: Callable[[RegistrationState], None] = lambda state: None,
    ) -> None:
        """`send(flag)` sends one `register` and says whether there was a stream; `show(state)` tells the program."""
        self._send = send
        self._show = show
        self._driver: Driver[RegisteringCore, Any] = Driver(clock, core, self._perform)

    @property
    def state(self) -> RegistrationState:
        """What the service has been told, and has said."""
        return self._driver.core.state

    @property
    def needs_stream(self) -> bool:
        """Whether a stream is to be opened for it."""
        return self._driver.core.needs_stream

    def set(self, present: bool) -> None:
        """Take calls or stop taking them, and say so."""
        self._driver.tell(lambda core, now: core.set(present, now))

    def connected(self) -> None:
        """Note that the service is reached, also again: what there is to say is said."""
        self._driver.tell(lambda core, now: core.connected(now))

    def ready(self) -> None:
        """Note that the service took the registration."""
        self._driver.tell(lambda core, now: core.ready(now))

    def offline(self) -> None:
        """Note that the service does not have us any more."""
        self._driver.tell(lambda core, now: core.offline(now))

    def lost(self) -> None:
        """Note that the socket is gone."""
        self._driver.tell(lambda core, now: core.lost(now))

    def stop(self) -> None:
        """Say nothing more until the next `connected` or `set`."""
        self._driver.tell(lambda core, now: core.stop(now))

    def _perform(self, effect: Any) -> None:
        if not isinstance(effect, Register):
            self._show(effect.state)
        elif not self._send(effect.present):
            self.stop()

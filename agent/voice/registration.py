"""Says again and again that this Device takes calls (spec: device 8)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from agent.voice.driver import Driver

if TYPE_CHECKING:
    from agent.clock import Clock

INTERVAL_S: Final = 30.0


@dataclass(frozen=True)
class Register:
    """Send one `register`."""

    present: bool


class RegistrationCore:
    """The presence flag: one `register` now, and one 30 s after each while the flag is set."""

    def __init__(self, present: bool) -> None:
        self.present = present
        self._due: float | None = None

    def set(self, present: bool, now: float) -> list[Register]:
        """Take calls or stop taking them."""
        self.present = present
        return self.tick(now)

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
    """Carries the core out for one Device."""

    def __init__(self, clock: Clock, send: Callable[[bool], bool], present: bool) -> None:
        """`send(flag)` sends one `register` and says whether there was a stream to send it on."""
        self._send = send
        self._driver: Driver[RegistrationCore, Register] = Driver(clock, RegistrationCore(present), self._perform)

    def set(self, present: bool) -> None:
        """Take calls or stop taking them, and say so."""
        self._driver.tell(RegistrationCore.set, present)

    def announce(self) -> None:
        """Say it now; without a stream nothing is said, now or later."""
        self._driver.tell(RegistrationCore.tick)

    def stop(self) -> None:
        """Say nothing more until `announce` or `set`."""
        self._driver.tell(RegistrationCore.stop)

    def _perform(self, effect: Register) -> None:
        if not self._send(effect.present):
            self.stop()

"""The buttons with digits: outside a call they dial entries of the directory, in a call they are keys of a phone.

No digit is ever logged or told.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from agent.alarm import Alarm
from agent.closing import Closing
from agent.config.directory import Entries, KeypadSettings
from agent.errors import InvalidStateError
from agent.hub_clock import HubClock
from agent.kiosk.attendant import Attendant
from agent.kiosk.typed_number import Choice, TypedNumber

Attempt = Callable[[Callable[[], object]], None]


class DigitButtons(Closing):
    """The shell of `TypedNumber`."""

    def __init__(self, attendant: Attendant, sound: Callable[[str], object], attempt: Attempt) -> None:
        """`sound(digit)` is heard at each one; `attempt(act)` does what comes after a pause, and says if it fails."""
        self._attendant = attendant
        self._sound = sound
        self._attempt = attempt
        self._typed = TypedNumber((), 1.0)
        self._alarm = Alarm(HubClock(), lambda: self._typed.deadline, self._pause_over)

    def use(self, entries: Entries, settings: KeypadSettings) -> None:
        """Dial these entries from now on."""
        numbers = [entry.number for entry in entries.values() if entry.number]
        self._typed = TypedNumber(numbers, settings.pause_s)

    def digit(self, digit: str) -> None:
        """Take a digit. Raises InvalidStateError when nobody has such a number, or a call rings or is dialled."""
        lines = self._attendant.lines
        if lines.current is not None and lines.current.answered:
            lines.current.connection.send_digits(digit)
            return
        self._refuse_busy()
        self._sound(digit)
        self._take(self._typed.digit(digit, monotonic()))
        self._alarm.follow()

    def dial(self) -> None:
        """Dial what was typed. Raises InvalidStateError when that is nothing, or nobody's number."""
        choice = self._typed.complete()
        if choice is None:
            raise InvalidStateError("no digit was typed")
        self._take(choice)

    def clear(self) -> None:
        """Forget what was typed. Raises InvalidStateError when nothing was."""
        if not self._typed.clear():
            raise InvalidStateError("no digit was typed")

    def close(self) -> None:
        """Dial nothing any more."""
        self._alarm.cancel()

    def _refuse_busy(self) -> None:
        if self._attendant.lines.is_busy() or self._attendant.ringing:
            raise InvalidStateError("a call rings or is being dialled; digits mean nothing now")

    def _take(self, choice: Choice | None) -> None:
        if choice is not None:
            self._refuse_busy()
            self._attendant.call_number(choice.number)

    def _pause_over(self) -> None:
        choice = self._typed.tick(monotonic())
        if choice is not None:
            self._attempt(lambda: self._take(choice))

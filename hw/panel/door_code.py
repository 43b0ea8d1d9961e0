"""The door's code: digits in, a verdict out; pure, and nothing here is ever logged.

An entry ends with `#` or with as many digits as the code has; `*`, or a long pause, starts it anew. Only whole
entries are compared, in constant time, so that neither answers nor their timing tell how much of a guess was right.
After a few wrong entries every entry is refused for a while, the right one too; hanging up does not shorten that.
"""

from __future__ import annotations

import hmac
from enum import Enum

from hw.panel.settings import DoorSettings


class CodeVerdict(Enum):
    """What an entry led to."""

    OPEN = "open"
    WRONG = "wrong"
    LOCKED = "locked"  # refused unseen, after too many wrong ones


class DoorCode:
    """Matches dialled digits with the code; times are monotonic seconds."""

    def __init__(self, settings: DoorSettings) -> None:
        self._settings = settings
        self._entry = ""
        self._last_digit_at = 0.0
        self._wrong = 0
        self._locked_until = 0.0

    def locked(self, now: float) -> bool:
        """Whether entries are refused unseen."""
        return now < self._locked_until

    def start(self) -> None:
        """A call begins: what was dialled in another call does not count; the lock-out does."""
        self._entry = ""

    def digit(self, digit: str, now: float) -> CodeVerdict | None:
        """Take one dialled digit; a verdict when it ends an entry."""
        if not self._settings.code:
            return None
        if now - self._last_digit_at > self._settings.entry_s or digit == "*":
            self._entry = ""
        self._last_digit_at = now
        if digit.isdecimal():
            self._entry += digit
        ended = digit == "#" or len(self._entry) >= len(self._settings.code)
        return self._judge(now) if ended and self._entry else None

    def _judge(self, now: float) -> CodeVerdict:
        entry, self._entry = self._entry, ""
        if self.locked(now):
            return CodeVerdict.LOCKED
        if hmac.compare_digest(entry.encode(), self._settings.code.encode()):
            self._wrong = 0
            return CodeVerdict.OPEN
        self._wrong += 1
        if self._wrong >= self._settings.tries:
            self._wrong, self._locked_until = 0, now + self._settings.lockout_s
        return CodeVerdict.WRONG

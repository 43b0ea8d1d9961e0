"""The door's code: digits in, a verdict out; pure, and nothing here is ever logged.

An entry ends with `#` or with as many digits as the code has; `*`, or a long pause, starts it anew. What follows such
a full entry up to its `#` is too little for another one and belongs to it: it was judged already. Only whole entries
are compared, in constant time, so that neither answers nor their timing tell how much of a guess was right.
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
        self._is_rest = False  # whether what is dialled now may still be the end of a full entry
        self._last_digit_at = 0.0
        self._wrong = 0
        self._locked_until = 0.0

    def locked(self, now: float) -> bool:
        """Tell whether entries are refused unseen."""
        return now < self._locked_until

    def start(self) -> None:
        """Forget what was dialled in another call; the lock-out stays."""
        self._entry, self._is_rest = "", False

    def digit(self, digit: str, now: float) -> CodeVerdict | None:
        """Take one dialled digit; a verdict when it ends an entry."""
        if not self._settings.code:
            return None
        if now - self._last_digit_at > self._settings.entry_s or digit == "*":
            self.start()
        self._last_digit_at = now
        if digit == "#":
            return self._ended()
        if digit.isdecimal():
            self._entry += digit
        if len(self._entry) < len(self._settings.code):
            return None
        self._is_rest = True
        return self._judge(now)

    def _ended(self) -> CodeVerdict | None:
        """A full entry was judged at its last digit; what is left at its `#` is judged only if it stands for itself."""
        judged_already, self._is_rest = self._is_rest, False
        if judged_already or not self._entry:
            self._entry = ""
            return None
        return self._judge(self._last_digit_at)

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

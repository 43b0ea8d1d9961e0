"""The door's code: digits in, a verdict out; pure, and nothing here is ever logged.

An entry ends with `#` or with as many digits as the longest code has; `*`, or a long pause, starts it anew. What
follows such a full entry up to its `#` is too little for another one and belongs to it: it was judged already.
Without a `#` nobody knows where the rest of a slip ends, so after a full entry the code opens wherever it begins: a
slip costs one try, and one try is worth at most as many guesses as the code has digits. Only whole codes are
compared, in constant time, so that neither answers nor their timing tell how much of a guess was right.
After a few wrong entries every entry is refused for a while, the right one too; hanging up does not shorten that.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from hw.panel.code_book import CodeBook
from hw.panel.lockout import Lockout
from hw.panel.settings import DoorSettings


class CodeVerdict(Enum):
    """What an entry led to."""

    OPEN = "open"
    WRONG = "wrong"
    LOCKED = "locked"  # refused unseen, after too many wrong ones


class DoorCode:
    """Matches dialled digits with the code; times are monotonic seconds."""

    def __init__(self, settings: DoorSettings, book: CodeBook | None = None) -> None:
        """`book` has the codes; without one, that of the settings is the only one."""
        self._settings = settings
        self.book = book if book is not None else CodeBook(settings.code, {})
        self.owner = ""  #: whose code opened last; empty: nobody's in particular
        self._entry = ""
        self._is_rest = False  # whether what is dialled now may still be the end of a full entry
        self._recent = ""  # of what followed a full entry, as many digits as the code has
        self._reprieve = 0  # digits that may still show that the last try was none of its own
        self._last_digit_at = 0.0
        self._local_time = datetime.min
        self.lockout = Lockout(settings.tries, settings.lockout_s)

    def locked(self, now: float) -> bool:
        """Tell whether entries are refused unseen."""
        return self.lockout.left_s(now) > 0

    def start(self) -> None:
        """Forget what was dialled in another call; the lock-out stays."""
        self._entry, self._recent, self._is_rest, self._reprieve = "", "", False, 0

    def digit(self, digit: str, now: float, local_time: datetime = datetime.min) -> CodeVerdict | None:
        """Take one dialled digit; a verdict when it ends an entry. `local_time` is what the hours of codes mean."""
        if not self.book:
            return None
        self._local_time = local_time
        if now - self._last_digit_at > self._settings.entry_s or digit == "*":
            self.start()
        self._last_digit_at = now
        if digit == "#":
            return self._ended(now)
        return self._dialled(digit, now) if digit.isdecimal() else None

    def _ended(self, now: float) -> CodeVerdict | None:
        """A full entry was judged at its last digit; what is left at its `#` is judged only if it stands for itself."""
        entry, judged_already = self._entry, self._is_rest
        self.start()
        return self._judge(entry, now) if entry and not judged_already else None

    def _dialled(self, digit: str, now: float) -> CodeVerdict | None:
        self._entry += digit
        if self._is_rest and self._ends_with_the_code(digit, now):
            return self._open(now)
        if len(self._entry) < self.book.longest:
            return None
        entry, self._entry = self._entry, ""
        verdict = self._judge(entry, now)
        if verdict is CodeVerdict.WRONG and self._is_rest:
            self._reprieve = len(entry) - 1
        self._is_rest = True
        return verdict

    def _ends_with_the_code(self, digit: str, now: float) -> bool:
        self._recent = (self._recent + digit)[-self.book.longest :]
        unseen, self._reprieve = self.locked(now) and not self._reprieve, max(0, self._reprieve - 1)
        return not unseen and self._is_code(self._recent)

    def _judge(self, entry: str, now: float) -> CodeVerdict:
        if self.locked(now):
            return CodeVerdict.LOCKED
        if self._is_code(entry):
            return self._open(now)
        self.lockout.note_wrong(now)
        return CodeVerdict.WRONG

    def _open(self, now: float) -> CodeVerdict:
        self._entry, self._recent, self._reprieve = "", "", 0
        self.lockout.note_right(now)
        self.book.use(self.owner)
        return CodeVerdict.OPEN

    def _is_code(self, entry: str) -> bool:
        owner = self.book.owner(entry, self._local_time)
        self.owner = owner or ""
        return owner is not None

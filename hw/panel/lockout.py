"""How long no code is taken after too many wrong ones: longer each time, and remembered across restarts. Pure.

What is remembered holds no time, because after a reboot no clock can be trusted: a lock-out that was on begins anew.
"""

from __future__ import annotations

from dataclasses import dataclass

LONGEST_S = 86_400.0
FORGET_S = 86_400.0  # without a wrong code after it, a lock-out no longer makes the next one longer


@dataclass(frozen=True)
class LockoutRecord:
    """What must outlive the program."""

    wrong: int = 0  #: since the last right code or lock-out
    lockouts: int = 0  #: not forgotten yet
    is_locked: bool = False


class Lockout:
    """Counts wrong codes; times are monotonic seconds."""

    def __init__(self, tries: int, first_s: float) -> None:
        """`first_s` is the length of the first lock-out; each further one is twice as long, up to LONGEST_S."""
        self._tries = tries
        self._first_s = first_s
        self._wrong = 0
        self._lockouts = 0
        self._until = 0.0
        self._forget_at = 0.0

    def left_s(self, now: float) -> float:
        """Tell how long codes are still refused; 0 when they are taken."""
        return max(0.0, self._until - now)

    def record(self, now: float) -> LockoutRecord:
        """Return what must outlive the program."""
        return LockoutRecord(self._wrong, self._lockouts, self.left_s(now) > 0)

    def restore(self, record: LockoutRecord, now: float) -> None:
        """Go on from what an earlier program remembered."""
        self._wrong, self._lockouts = record.wrong, record.lockouts
        if record.is_locked:
            self._lock(now)
        self._forget_at = max(now, self._until) + FORGET_S

    def note_wrong(self, now: float) -> None:
        """Count a wrong code; the last of the tries locks."""
        if now >= self._forget_at:
            self._wrong, self._lockouts = 0, 0
        self._wrong += 1
        if self._wrong >= self._tries:
            self._wrong, self._lockouts = 0, self._lockouts + 1
            self._lock(now)
        self._forget_at = max(now, self._until) + FORGET_S

    def note_right(self, now: float) -> None:
        """Forget the wrong codes before a right one, and the lock-out that it shows to have been none."""
        if self.left_s(now) > 0:
            self._lockouts -= 1
        self._wrong, self._until = 0, 0.0

    def _lock(self, now: float) -> None:
        doublings = min(max(0, self._lockouts - 1), 20)
        self._until = now + min(LONGEST_S, self._first_s * 2**doublings)

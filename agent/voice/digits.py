"""Sending digits: when each is played here and when each goes out, without a clock (spec: connection 5).

A `w` is a pause of 500 ms after the tones before it. (The reference counts the 500 ms from the start of the segment,
which cuts off tones as soon as a segment has three digits.)
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple, TypeAlias

from agent.errors import InvalidArgumentError

TONE_MS: Final = 160
GAP_MS: Final = 70
PAUSE_MS: Final = 500
KEY_TONE_MS: Final = 200

_ILLEGAL = re.compile(r"[^0-9*#w]")


class Insert(NamedTuple):
    """Tones to hand to the sender, `at_ms` after the start."""

    at_ms: int
    tones: str


class KeyTone(NamedTuple):
    """A key to be heard here."""

    at_ms: int
    digit: str


def check_digits(digits: object) -> str:
    """Return the digits as given; raises InvalidArgumentError for anything but 0-9, *, # and w."""
    if not isinstance(digits, str) or _ILLEGAL.search(digits):
        raise InvalidArgumentError("argument digits: only the characters 0-9, *, # and w (a pause) are allowed")
    return digits


def insert_schedule(digits: str) -> tuple[list[Insert], int]:
    """Plan what to insert when, and after how many ms all is over: ("12w#") -> ([(0, "12"), (960, "#")], 1190)."""
    inserts: list[Insert] = []
    at_ms = 0
    for n, tones in enumerate(digits.split("w")):
        at_ms += PAUSE_MS if n else 0
        if tones:
            inserts.append(Insert(at_ms, tones))
        at_ms += len(tones) * (TONE_MS + GAP_MS)
    return inserts, at_ms


def key_tone_schedule(digits: str) -> list[KeyTone]:
    """Plan which key is heard here when; a `w` takes its step silently."""
    return [KeyTone(n * KEY_TONE_MS, digit) for n, digit in enumerate(digits) if digit != "w"]


DigitEffect: TypeAlias = Insert | KeyTone


class DigitSender:
    """Lets each tone and each key come in its time; digits asked for while others are under way follow them."""

    def __init__(self) -> None:
        self._busy_until_s = 0.0
        self._waiting: list[tuple[float, DigitEffect]] = []  # by time, then in the order in which they were asked for

    def send(self, digits: str, now: float) -> list[DigitEffect]:
        """Insert the tones into the audio."""
        start_s = max(now, self._busy_until_s)
        inserts, length_ms = insert_schedule(digits)
        self._busy_until_s = start_s + length_ms / 1000
        return self._plan([(start_s + insert.at_ms / 1000, insert) for insert in inserts], now)

    def play_keys(self, digits: str, now: float) -> list[DigitEffect]:
        """Let the keys be heard here."""
        return self._plan([(now + tone.at_ms / 1000, tone) for tone in key_tone_schedule(digits)], now)

    def close(self, now: float) -> list[DigitEffect]:
        """Forget what has not been sent."""
        self._waiting = []
        return []

    def deadline(self) -> float | None:
        """Tell when `tick` is due; None when nothing waits."""
        return self._waiting[0][0] if self._waiting else None

    def tick(self, now: float) -> list[DigitEffect]:
        """Return what is due now."""
        due = [effect for at_s, effect in self._waiting if at_s <= now]
        self._waiting = self._waiting[len(due) :]
        return due

    def _plan(self, more: list[tuple[float, DigitEffect]], now: float) -> list[DigitEffect]:
        self._waiting = sorted(self._waiting + more, key=lambda each: each[0])
        return self.tick(now)

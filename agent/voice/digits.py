"""Sending digits: when each is played here and when each goes out (spec: connection 5).

A `w` is a pause of 500 ms after the tones before it. (The reference counts the 500 ms from the start of the segment,
which cuts off tones as soon as a segment has three digits.)
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from agent.clock import Clock, Timer
from agent.closing import Closing
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


class DigitSender(Closing):
    """Carries the schedules out; digits asked for while others are under way follow them."""

    def __init__(self, clock: Clock, insert: Callable[[str], None], play_key: Callable[[str], None]) -> None:
        self._clock = clock
        self._insert = insert
        self._play_key = play_key
        self._busy_until = 0.0
        self._timers: set[Timer] = set()

    def send(self, digits: str) -> None:
        """Insert the tones into the audio, each in its time."""
        now = self._clock.now()
        start = max(now, self._busy_until)
        inserts, length_ms = insert_schedule(digits)
        for insert in inserts:
            self._at(start + insert.at_ms / 1000, self._insert, insert.tones)
        self._busy_until = start + length_ms / 1000

    def play_keys(self, digits: str) -> None:
        """Let the keys be heard here."""
        now = self._clock.now()
        for tone in key_tone_schedule(digits):
            self._at(now + tone.at_ms / 1000, self._play_key, tone.digit)

    def close(self) -> None:
        """Forget what has not been sent."""
        timers, self._timers = self._timers, set()
        for timer in timers:
            timer.cancel()

    def _at(self, time_s: float, fn: Callable[[str], None], argument: str) -> None:
        delay_s = time_s - self._clock.now()
        if delay_s <= 0:
            fn(argument)
            return
        timer: Timer

        def run() -> None:
            self._timers.discard(timer)
            fn(argument)

        timer = self._clock.call_later(delay_s, run)
        self._timers.add(timer)

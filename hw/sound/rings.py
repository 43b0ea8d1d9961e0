"""Bounded rings between the sound card's callbacks and the rest. Pure.

A card's callback may only append to or pop from a deque, whose single operations are atomic, and note the time. Every
ring drops its oldest content when it is full: late sound is worth less than no sound.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from hw.sound.callback_hold import CallbackHold
from hw.sound.echo_reference import EchoReference
from hw.sound.frame import BYTES_PER_MS, FRAME_MS
from hw.sound.pcm import mixed


class CallbackTime(NamedTuple):
    """When a callback last ran, and how many samples it had moved by then."""

    at: float
    samples: int


class CaptureRing:
    """What the microphone heard, in the card's own chunks."""

    def __init__(self, wake: Callable[[], None], period_ms: int, most_ms: int) -> None:
        """`period_ms` is what one callback brings; `wake` is called for every 20 ms."""
        self.period_ms = period_ms
        self._most = most_ms // period_ms
        self._chunks: deque[bytes] = deque(maxlen=self._most)
        self._wake = wake
        self.wake_after_ms(FRAME_MS)
        self.beat = CallbackTime(0.0, 0)
        self.lost = 0

    def put(self, chunk: bytes, samples: int, now: float, overflowed: bool) -> None:
        """Append a chunk; called by the callback."""
        if overflowed or len(self._chunks) >= self._most:
            self.lost += 1
        self._chunks.append(chunk)
        self.beat = CallbackTime(now, self.beat.samples + samples)
        if len(self._chunks) >= self._wake_at:
            self._wake()

    def wake_after_ms(self, ms: int) -> None:
        """Call `wake` only when so much waits."""
        self._wake_at = max(1, -(-ms // self.period_ms))

    def take(self) -> bytes | None:
        """Take the oldest chunk."""
        try:
            return self._chunks.popleft()
        except IndexError:
            return None

    def clear(self) -> None:
        """Forget what waits."""
        self._chunks.clear()

    def forget_beat(self) -> None:
        """Forget when a callback ran, because the card is about to be opened anew."""
        self.beat = CallbackTime(0.0, 0)


class PlayoutRing:
    """What is about to be played: far-end speech and tones on two lanes, added up when a callback takes them."""

    EXPECTED_MS = 60  # speech that was written so lately is expected to go on

    def __init__(self, period_ms: int, most_ms: int, reference: EchoReference | None = None) -> None:
        """`period_ms` is what one callback takes."""
        self.period_ms = period_ms
        self.unit_ms = min(period_ms, FRAME_MS)
        self._unit_bytes = self.unit_ms * BYTES_PER_MS
        self._units = period_ms // self.unit_ms
        self._silence = bytes(self._unit_bytes)
        self._speech: deque[tuple[float, bytes]] = deque(maxlen=most_ms // self.unit_ms)
        self._tones: deque[bytes] = deque(maxlen=most_ms // self.unit_ms)
        self._reference = reference
        self._expected = 0
        self.beat = CallbackTime(0.0, 0)
        self.underruns = 0
        self._least_wait_s = math.inf
        self.hold: CallbackHold | None = None  #: how long a callback may wait

    def write(self, frame: bytes, now: float = -math.inf) -> None:
        """Queue far-end speech; a whole number of units."""
        for start in range(0, len(frame), self._unit_bytes):
            self._speech.append((now, frame[start : start + self._unit_bytes]))
        self._expected = self.EXPECTED_MS // self.unit_ms

    def write_tone(self, unit: bytes) -> None:
        """Queue one unit of ring, key or progress tone."""
        self._tones.append(unit)

    def take(self, now: float) -> bytes:
        """Take exactly one period: what a callback returns."""
        played = self._period(now)
        self.beat = CallbackTime(now, self.beat.samples + len(played) // 2)
        if self._reference is not None:
            self._reference.append(played)
        return played

    def skip(self) -> None:
        """Drop one unit, for a clock that stands in for a lost card."""
        self._unit(math.inf)

    def _period(self, now: float) -> bytes:
        if self._units == 1:
            return self._unit(now)
        return b"".join([self._unit(now) for _ in range(self._units)])

    def _unit(self, now: float) -> bytes:
        written_at, speech = self._speech.popleft() if self._speech else (-math.inf, None)
        tone = self._tones.popleft() if self._tones else None
        if speech is None:
            self._missed()
            return self._silence if tone is None else tone
        self._least_wait_s = min(self._least_wait_s, now - written_at)
        return speech if tone is None else mixed(speech, tone)

    def _missed(self) -> None:
        if self._expected:
            self._expected -= 1
            self.underruns += 1

    def speech_ms(self) -> int:
        """Tell how much far-end speech waits."""
        return len(self._speech) * self.unit_ms

    def due_ms(self, now: float) -> float:
        """Tell how long until a callback finds no speech."""
        return self.speech_ms() + max(0.0, self.period_ms - (now - self.beat.at) * 1000)

    def take_least_wait_ms(self) -> float:
        """Return how long the speech that waited least was here before a callback took it, since the last call of this.

        Infinite where none was taken.
        """
        least_s, self._least_wait_s = self._least_wait_s, math.inf
        return least_s * 1000

    def tones_ms(self) -> int:
        """Tell how much tone waits."""
        return len(self._tones) * self.unit_ms

    def forget_beat(self) -> None:
        """Forget when a callback ran, because the card is about to be opened anew."""
        self.beat = CallbackTime(0.0, 0)

    def flush(self) -> None:
        """Drop the far-end speech that waits, and expect no more."""
        self._speech.clear()
        self._expected = 0

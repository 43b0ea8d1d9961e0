"""Bounded rings between the sound card's callbacks and the rest. Pure.

A card's callback may only append to or pop from a deque, whose single operations are atomic, and note the time. Every
ring drops its oldest content when it is full: late sound is worth less than no sound.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

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
        """Called by the callback."""
        if overflowed or len(self._chunks) >= self._most:
            self.lost += 1
        self._chunks.append(chunk)
        self.beat = CallbackTime(now, self.beat.samples + samples)
        if len(self._chunks) >= self._wake_at:
            self._wake()

    def wake_after_ms(self, ms: int) -> None:
        """Call `wake` only when so much waits."""
        self._wake_at = max(1, ms // self.period_ms)

    def take(self) -> bytes | None:
        """The oldest chunk."""
        try:
            return self._chunks.popleft()
        except IndexError:
            return None

    def clear(self) -> None:
        """Forget what waits."""
        self._chunks.clear()

    def forget_beat(self) -> None:
        """The card is about to be opened anew: no callback has run yet."""
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
        self._speech: deque[bytes] = deque(maxlen=most_ms // self.unit_ms)
        self._tones: deque[bytes] = deque(maxlen=most_ms // self.unit_ms)
        self._reference = reference
        self._expected = 0
        self.beat = CallbackTime(0.0, 0)
        self.underruns = 0

    def write(self, frame: bytes) -> None:
        """Queue far-end speech; a whole number of units."""
        for start in range(0, len(frame), self._unit_bytes):
            self._speech.append(frame[start : start + self._unit_bytes])
        self._expected = self.EXPECTED_MS // self.unit_ms

    def write_tone(self, unit: bytes) -> None:
        """Queue one unit of ring, key or progress tone."""
        self._tones.append(unit)

    def take(self, now: float) -> bytes:
        """What a callback returns: exactly one period."""
        played = self.pull()
        self.beat = CallbackTime(now, self.beat.samples + len(played) // 2)
        if self._reference is not None:
            self._reference.append(played)
        return played

    def pull(self) -> bytes:
        """One period, without taking part in the beat: for a clock that stands in for a lost card."""
        if self._units == 1:
            return self._unit()
        return b"".join([self._unit() for _ in range(self._units)])

    def _unit(self) -> bytes:
        speech = self._speech.popleft() if self._speech else None
        tone = self._tones.popleft() if self._tones else None
        if speech is None:
            self._missed()
            return self._silence if tone is None else tone
        return speech if tone is None else mixed(speech, tone)

    def _missed(self) -> None:
        if self._expected:
            self._expected -= 1
            self.underruns += 1

    def speech_ms(self) -> int:
        """How much far-end speech waits."""
        return len(self._speech) * self.unit_ms

    def due_ms(self, now: float) -> float:
        """How long until a callback finds no speech."""
        return self.speech_ms() + max(0.0, self.period_ms - (now - self.beat.at) * 1000)

    def tones_ms(self) -> int:
        """How much tone waits."""
        return len(self._tones) * self.unit_ms

    def forget_beat(self) -> None:
        """The card is about to be opened anew: no callback has run yet."""
        self.beat = CallbackTime(0.0, 0)

    def flush(self) -> None:
        """Drop the far-end speech that waits, and expect no more."""
        self._speech.clear()
        self._expected = 0

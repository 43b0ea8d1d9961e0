"""Bounded rings between the sound card's callbacks and the rest. Pure.

A card's callback may only append to or pop from a deque, whose single operations are atomic, and note the time. Every
ring drops its oldest content when it is full: late sound is worth less than no sound.

The echo canceller needs to know what the speaker played, sample for sample. `EchoReference` therefore holds exactly
what the playback callback returned, silence included, and is *index-locked*: after settling, the n-th captured sample
is always paired with the same played sample, however the two callbacks jitter.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from hw.pcm import mixed
from hw.ports import FRAME_BYTES, FRAME_MS, RATE_HZ

BYTES_PER_MS = RATE_HZ * 2 // 1000


class Beat(NamedTuple):
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
        self.beat = Beat(0.0, 0)
        self.lost = 0

    def put(self, chunk: bytes, samples: int, now: float, overflowed: bool) -> None:
        """Called by the callback."""
        if overflowed or len(self._chunks) >= self._most:
            self.lost += 1
        self._chunks.append(chunk)
        self.beat = Beat(now, self.beat.samples + samples)
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
        self.beat = Beat(0.0, 0)


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
        self.beat = Beat(0.0, 0)
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
        self.beat = Beat(now, self.beat.samples + len(played) // 2)
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
        self.beat = Beat(0.0, 0)

    def flush(self) -> None:
        """Drop the far-end speech that waits, and expect no more."""
        self._speech.clear()
        self._expected = 0


class EchoReference:
    """What was really played, paired with what is captured by index (not by time of arrival)."""

    SETTLE_FRAMES = 25  # half a second, until both callbacks run steadily
    LOOK_FRAMES = 25
    SLACK_BYTES = FRAME_BYTES  # much more, and the echo would be there before its reference
    LATE_OFTEN = 5  # so many frames in one look, or somewhat fewer in several, are no accident

    def __init__(self, lead_ms: int) -> None:
        """When locked, at least `lead_ms` of played sound is in hand, so that a late callback does no harm."""
        self.lead_bytes = lead_ms * BYTES_PER_MS
        self._arrived: deque[bytes] = deque(maxlen=200)
        self._held = bytearray()
        self.late = 0
        self.locks = 0
        self.unlock()

    def append(self, played: bytes) -> None:
        """Called by the playback callback with exactly what it returns."""
        self._arrived.append(played)

    def unlock(self) -> None:
        """Settle again: the pairing was lost (overrun, re-opened card). Called by the worker only."""
        self._frames = 0
        self._debt = 0
        self._least = 1 << 30
        self._lately = 0.0
        self._in_a_row = 0

    @property
    def locked(self) -> bool:
        """Whether the pairing stands."""
        return self._frames >= self.SETTLE_FRAMES

    def arrived(self) -> bytes:
        """What has been played since the last call; to be given to `hold`, resampled where clocks differ."""
        pieces = []
        while self._arrived:
            pieces.append(self._arrived.popleft())
        return b"".join(pieces)

    def hold(self, played: bytes) -> None:
        """Add to what is in hand, less what came too late to be paired."""
        skipped = min(self._debt, len(played))
        self._debt -= skipped
        self._held += played[skipped:]

    def in_hand_bytes(self) -> int:
        """How much waits to be paired; negative while something is owed."""
        return len(self._held) - self._debt

    def pair(self) -> bytes:
        """The played frame that belongs to the next captured frame; silence for what is late."""
        self._frames += 1
        frame = bytes(self._held[:FRAME_BYTES])
        del self._held[:FRAME_BYTES]
        missing = FRAME_BYTES - len(frame)
        if missing:
            self.late += 1
            self._debt += missing
            frame += bytes(missing)
            self._lately += 1
        self._in_a_row = self._in_a_row + 1 if missing else 0
        self._least = min(self._least, self.in_hand_bytes())
        if self._frames % self.LOOK_FRAMES == 0:
            self._look()
        elif self.locked and self._in_a_row == self.LATE_OFTEN:
            self._lock_on()  # the card itself has lost time: nothing will be made up for
        return frame

    def _look(self) -> None:
        """Lock after settling; later only when the backlog was wrong for long: that was a step, no jitter."""
        too_long = self._least > self.lead_bytes + self.SLACK_BYTES
        if self._frames == self.SETTLE_FRAMES or too_long or self._lately >= self.LATE_OFTEN:
            self._lock_on()
        self._least = 1 << 30
        self._lately /= 2

    def _lock_on(self) -> None:
        """Shift the pairing so that the least in hand would have been the lead."""
        self._shift(self._least - self.lead_bytes)
        self.locks += 1
        self._lately = 0.0
        self._least = 1 << 30

    def _shift(self, too_much: int) -> None:
        """Pair with what was played later by so many bytes, or earlier; what is missing counts as silence played."""
        if too_much >= 0:
            del self._held[:too_much]
            return
        forgiven = min(self._debt, -too_much)
        self._debt -= forgiven
        self._held = bytearray(-too_much - forgiven) + self._held


class PlayoutDepth:
    """How long before the card needs it far-end sound should be written, so that the ring does not run dry.

    Whoever writes knows when sound is due, and keeps no more in the ring than the network asks for; this is the share
    of the card and of the machine. To run dry once is an accident; when that repeats, the target grows. It shrinks
    after a calm.
    """

    STEP_UP_MS = 10
    STEP_DOWN_MS = 5
    CALM_S = 15.0
    ONCE_S, AGAIN_S = 0.3, 8.0

    def __init__(self, least_ms: int, most_ms: int) -> None:
        """Limits of `target_ms`."""
        self._least, self._most = least_ms, max(least_ms, most_ms)
        self.target_ms = least_ms
        self._underruns = 0
        self._calm_since = 0.0
        self._dry_at = -math.inf

    def update(self, now: float, underruns: int) -> None:
        """Note the ring's count of underruns so far."""
        dry, self._underruns = underruns > self._underruns, underruns
        if dry:
            self._ran_dry(now)
        elif now - self._calm_since >= self.CALM_S:
            self.target_ms = max(self._least, self.target_ms - self.STEP_DOWN_MS)
            self._calm_since = now

    def _ran_dry(self, now: float) -> None:
        if now - self._dry_at > self.AGAIN_S:
            self._dry_at = now
        elif now - self._dry_at > self.ONCE_S:
            self.target_ms = min(self._most, self.target_ms + self.STEP_UP_MS)
            self._dry_at = now
        self._calm_since = now

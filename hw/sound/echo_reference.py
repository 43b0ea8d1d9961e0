"""What the speaker played, paired with what the microphone heard. Pure.

An echo canceller needs the played sound sample for sample, silence included. This reference is *index-locked*: after
settling, the n-th captured sample is always paired with the same played sample, however the two callbacks jitter. Only
when the card itself lost time is the pairing shifted.
"""

from __future__ import annotations

from collections import deque

from hw.sound.frame import BYTES_PER_MS, FRAME_BYTES


class EchoReference:
    """What was really played, paired with what is captured by index (not by time of arrival)."""

    SETTLE_FRAMES = 25  # half a second, until both callbacks run steadily
    LOOK_FRAMES = 25
    SLACK_BYTES = FRAME_BYTES  # much more, and the echo would be there before its reference
    LATE_OFTEN = 5  # so many frames in one look, or somewhat fewer in several, are not an accident

    def __init__(self, lead_ms: int) -> None:
        """When locked, at least `lead_ms` of played sound is in hand, so that a late callback does no harm."""
        self.lead_bytes = lead_ms * BYTES_PER_MS
        self._arrived: deque[bytes] = deque(maxlen=200)
        self._held = bytearray()
        self.late = 0
        self.locks = 0
        self.unlock()

    def append(self, played: bytes) -> None:
        """Append exactly what the playback callback, which calls this, returns."""
        self._arrived.append(played)

    def clear(self) -> None:
        """Drop what was played and not paired yet: the streams stand still, and are about to begin anew."""
        self._arrived.clear()
        self._held.clear()

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
        """Take what was played since the last call; to be given to `hold`, resampled where clocks differ."""
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
        """Tell how much waits to be paired; negative while something is owed."""
        return len(self._held) - self._debt

    def pair(self) -> bytes:
        """Return the played frame that belongs to the next captured frame; silence for what is late."""
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

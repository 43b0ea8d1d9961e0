"""Puts the timestamps of one stream, whose codecs have clocks of their own, on one clock of 48 kHz. Pure.

How two clocks within a stream lie to each other is not defined (RFC 7160 section 4). So where the codec changes, the
numbers say where its first packet belongs: behind the one before it. What was learnt so holds for the packets that
follow, and for the next change as long as the numbers agree with it.
"""

from __future__ import annotations

from hw.sound.frame import RATE_HZ

_MODULUS = 1 << 32
_AGREES_SAMPLES = RATE_HZ // 4


class Clocks:
    """Those of one stream."""

    def __init__(self) -> None:
        self._offsets: dict[int, int] = {}
        self._clock_hz: int | None = None  # of the latest packet; the next four are its, too
        self._sequence = self._time = self._end = 0

    def restart(self) -> None:
        """Forget the stream."""
        self._offsets.clear()
        self._clock_hz = None

    def common(self, sequence: int, timestamp: int, clock_hz: int, samples: int) -> int:
        """Return the packet's timestamp on the common clock, modulo 2^32; it lasts `samples` at 48 kHz."""
        scaled, is_first = timestamp * (RATE_HZ // clock_hz), self._clock_hz is None
        ahead = 1 if is_first else (sequence - self._sequence + 0x8000 & 0xFFFF) - 0x8000
        if not is_first and self._clock_hz != clock_hz:
            expected = self._end + (ahead - 1) * samples if ahead > 0 else self._time + ahead * samples
            self._align(clock_hz, scaled, expected)
        time = (scaled + self._offsets.setdefault(clock_hz, 0)) % _MODULUS
        if ahead > 0:
            self._sequence, self._clock_hz, self._time, self._end = sequence, clock_hz, time, time + samples
        return time

    def _align(self, clock_hz: int, scaled: int, expected: int) -> None:
        offset = self._offsets.get(clock_hz)
        if offset is not None:
            off = (scaled + offset - expected + _MODULUS // 2) % _MODULUS - _MODULUS // 2
            if abs(off) <= _AGREES_SAMPLES:
                return
        self._offsets[clock_hz] = expected - scaled

"""Keypad digits as RTP events (RFC 4733). Pure: digits in, packets out, and the reverse.

One event is a run of packets with one RTP timestamp (its start) and a growing duration; the first carries the marker,
and the last is sent three times with the end bit, because an event must survive loss. A duration that outgrows its
16 bits goes on in a new segment whose timestamp is the end of the one before (2.5.1.3). Timestamps count the audio
stream's clock, durations the event's own, which Chromium and others take to be 8000 Hz beside audio at 48000 Hz.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from agent.media.rtp.packet import sequence_distance

DIGITS = "0123456789*#ABCD"
PAUSE = ","
PAUSE_MS = 2000
MIN_DURATION_MS, MAX_DURATION_MS = 40, 6000
MIN_GAP_MS = 30
END_PACKETS = 3
EVENT_HZ = (8000, 48_000)
MAX_TONES = 256

_LAYOUT = struct.Struct("!BBH")
_END = 0x80
_POWER = 10  # -10 dBm0
_LONGEST = 0xFFFF
_HALF = 0x80000000
_LATE_S = 10  # an event that began longer before the newest is no late packet: the sender's clock was set anew
_MOST_OVERTAKEN = 64  # packets, likewise
_MOST_STREAMS = 4


@dataclass(frozen=True, slots=True)
class EventPacket:
    """One payload; `start` is its RTP timestamp in samples of the audio clock, counted from the stream's beginning."""

    payload: bytes
    start: int
    marker: bool


class EventSender:
    """Turns queued digits into packets, one step for every packet time of the audio stream."""

    def __init__(self, audio_hz: int, event_hz: int) -> None:
        self._audio_hz = audio_hz
        self._ratio = max(1, audio_hz // event_hz)
        self._tones: deque[str] = deque()
        self._duration = self._gap = 0  # audio samples, as all times here
        self._digit = ""
        self._end = 0
        self._segment = 0
        self._free_at = 0
        self._repeats: deque[EventPacket] = deque()

    def insert(self, tones: str, duration_ms: float = 160, gap_ms: float = 70) -> None:
        """Replace what is pending (a digit that sounds is finished); "," waits 2 s; other characters are skipped."""
        self._tones = deque([tone for tone in tones.upper() if tone in DIGITS or tone == PAUSE][:MAX_TONES])
        self._duration = self._samples(min(max(duration_ms, MIN_DURATION_MS), MAX_DURATION_MS))
        self._gap = self._samples(min(max(gap_ms, MIN_GAP_MS), MAX_DURATION_MS))

    @property
    def pending(self) -> str:
        """The tones that have not begun."""
        return "".join(self._tones)

    @property
    def idle(self) -> bool:
        """Whether no digit is being sent, repeated or waited for."""
        return not (self._digit or self._tones or self._repeats)

    def step(self, time: int, samples: int) -> tuple[list[EventPacket], bool]:
        """Return (packets of the audio time from `time` on, whether they take the place of the sound)."""
        packets = [self._repeats.popleft()] if self._repeats else []
        begins = not (self._digit or self._repeats) and self._begin(time)  # no digit overtakes the one before it
        if not self._digit:
            return packets, False
        return packets + list(self._sound(time, time + samples, begins)), True

    def _begin(self, time: int) -> bool:
        if not self._tones or time < self._free_at:
            return False
        tone = self._tones.popleft()
        if tone == PAUSE:
            self._free_at = time + self._samples(PAUSE_MS)
            return False
        self._digit, self._segment, self._end = tone, time, time + self._duration
        return True

    def _sound(self, now: int, until: int, marker: bool) -> Iterator[EventPacket]:
        """The event as it stands at `until`: full segments, then the current one, ended when its time is over.

        One that was held up ends now, and its gap begins: the next one must not overtake its last packets.
        """
        ends, until = until >= self._end, min(until, self._end)
        while until - self._segment > _LONGEST * self._ratio:
            yield self._packet(_LONGEST, marker, False)
            self._segment += _LONGEST * self._ratio
            marker = False
        packet = self._packet((until - self._segment) // self._ratio, marker, ends)
        yield packet
        if ends:
            again = EventPacket(packet.payload, packet.start, False)
            self._repeats.extend([again] * (END_PACKETS - 1))
            self._digit, self._free_at = "", max(now, self._end) + self._gap

    def _packet(self, duration: int, marker: bool, ends: bool) -> EventPacket:
        payload = _LAYOUT.pack(DIGITS.index(self._digit), (_END if ends else 0) | _POWER, duration)
        return EventPacket(payload, self._segment, marker)

    def _samples(self, ms: float) -> int:
        return int(ms * self._audio_hz) // 1000


class EventReceiver:
    """Finds the digits in one stream's event packets, each once however many of its packets arrive, in any order."""

    def __init__(self, audio_hz: int) -> None:
        self._full = {_LONGEST * (audio_hz // hz) for hz in EVENT_HZ if hz <= audio_hz}
        self._late = _LATE_S * audio_hz
        self._start: int | None = None  # of the newest event, or of its newest segment
        self._sequence: int | None = None
        self._event = -1
        self._ended = True

    def put(self, timestamp: int, payload: bytes, sequence: int | None = None) -> str:
        """Return the digit that begins with this packet, or ""; malformed packets and other events are ignored."""
        if len(payload) < _LAYOUT.size:
            return ""
        event, flags, _ = _LAYOUT.unpack_from(payload)
        since = _HALF - 1 if self._start is None else timestamp - self._start & 0xFFFFFFFF
        if event >= len(DIGITS) or self._is_late(since, sequence):
            return ""
        goes_on = event == self._event and (since == 0 or (not self._ended and since in self._full))
        self._ended = bool(flags & _END) or (since == 0 and self._ended)
        self._start, self._event = timestamp, event
        self._sequence = sequence
        return "" if goes_on else DIGITS[event]

    def _is_late(self, since: int, sequence: int | None) -> bool:
        """Whether the packet belongs before the newest event; else an earlier timestamp is that of another clock."""
        before = -since & 0xFFFFFFFF
        if since < _HALF or before > self._late:
            return False
        if sequence is None or self._sequence is None:
            return True
        return -_MOST_OVERTAKEN <= sequence_distance(sequence, self._sequence) <= 0


class EventStreams:
    """The digits of every stream that carries some: they may come beside the sound, and before it."""

    def __init__(self) -> None:
        self._streams: dict[int | None, EventReceiver] = {}

    def put(self, ssrc: int | None, sequence: int, timestamp: int, payload: bytes) -> str:
        """Return the digit that begins with this packet of `ssrc`, or ""; the sound's codec may change meanwhile."""
        stream = self._streams.pop(ssrc, None) or EventReceiver(max(EVENT_HZ))
        self._streams[ssrc] = stream
        while len(self._streams) > _MOST_STREAMS:
            del self._streams[next(iter(self._streams))]
        return stream.put(timestamp, payload, sequence)


def rescaled(event: bytes, from_hz: int, to_hz: int) -> bytes:
    """Make the same event with its duration on another clock (RFC 4733 section 2.3: its last two octets)."""
    if from_hz == to_hz or len(event) < _LAYOUT.size:
        return event
    duration = min(int.from_bytes(event[2:4], "big") * to_hz // from_hz, _LONGEST)
    return event[:2] + duration.to_bytes(2, "big") + event[4:]

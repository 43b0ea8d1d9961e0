"""Carries frames between a sound device and a call: one wake-up of the asyncio loop for each captured frame.

The device's capture thread is the clock of sending. What is to be played is made as soon as the packet it needs is
here, or else, by a timer, at the last moment before the device needs it: a packet that is only a little late is still
played, and a lost one can still be repaired by the next. A device without a card may ask for what is due; then packets
wait for that. When the card is lost, or there is none, a timer takes its place: silence is sent and what arrives is
drained.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol
from weakref import WeakKeyDictionary

from agent.closing import Closing
from agent.media.beat_loop import kept
from agent.media.sound_desk import SoundDesk
from agent.media.streams import KEPT_FRAMES, Taps
from hw.sound.frame import FRAME_BYTES, FRAME_MS, FRAME_SAMPLES, RATE_HZ, SILENCE
from hw.sound.interface import Sound, SoundState
from hw.sound.pcm import mixed

CLOCK_LOST_S = 0.1  # without a captured frame for so long the timer takes over
FRAME_S = FRAME_MS / 1000
MOST_WAITING = 5  # captured frames that a stalled loop may find; older ones are dropped
LEAST_PIECE_MS = 5
MOST_AT_ONCE = 20  # pieces that one wake-up may make
MOST_AHEAD_S = 0.2
LEAST_WAIT_S = 0.001
RESERVE_MS = 10  # of the time that is kept for a late writer, so much and half of the rest are for nobody else


_desks: WeakKeyDictionary[Sound, SoundDesk[SoundPump]] = WeakKeyDictionary()


class PlayoutSource(Protocol):
    """What makes sound of what arrived, as `AudioReceiver` does."""

    def ready(self, samples: int) -> bool:
        """Tell whether waiting for more packets would be of no use for the next `samples`."""

    def pull(self, due: float, samples: int) -> bytes:
        """Make the next `samples` to play, which are needed at `due` (loop time)."""


class PcmEndpoint(Protocol):
    """Where frames go and come from, as in `RtpEndpoint`."""

    def push_pcm(self, frame: bytes, signal: bytes = b"") -> None:
        """Send one frame, and `signal` over it, which no mute keeps back."""

    def listen(self) -> None:
        """Keep what arrives from now on."""

    @property
    def receiver(self) -> PlayoutSource | None:
        """None before anything arrived that could be played."""


Sources = list[tuple["SoundPump", PlayoutSource]]


class SoundPump(Closing):
    """Made and used in the asyncio loop, but for `captured`, which the device calls on its own thread."""

    def __init__(self, endpoint: PcmEndpoint, sound: Sound | None) -> None:
        self.collect: Callable[[bool], None] = _nothing_waits  # takes in what arrived; what follows may wait, or not
        self.said = Taps()
        self.heard = Taps()
        self.instead: deque[bytes] = deque(maxlen=KEPT_FRAMES)  # sent in place of the microphone
        self.signals: deque[bytes] = deque(maxlen=KEPT_FRAMES)  # sent over it, muted or not
        self._endpoint = endpoint
        endpoint.listen()
        self._sound = sound
        self.loop = asyncio.get_running_loop()
        self._waiting: deque[bytes] = deque(maxlen=MOST_WAITING)
        self._awake = False
        self._asked_at = float("-inf")  # when the device last asked for what is due
        self._collecting = False
        self._closed = False
        self._ticked_at = self.loop.time()
        self._timer = kept(self.loop, self._watch, self._ticked_at)
        self._due: asyncio.TimerHandle | None = None
        self._piece = RATE_HZ * max(LEAST_PIECE_MS, sound.period_ms if sound else 0) // 1000  # samples made at once
        self._begun = b""  # of the frame that the listeners get next
        self._thread_id = threading.get_ident()
        self._desk: SoundDesk[SoundPump] = SoundDesk()
        if sound is not None:
            self._desk = _desks.setdefault(sound, self._desk)
            self._desk.join(sound, self)

    def close(self) -> None:
        """Let go of the device; idempotent."""
        if self._closed:
            return
        self._closed = True
        self._timer.cancel()
        self._rest()
        if self._sound is not None:
            self._desk.leave(self._sound, self)

    def captured(self, frame: bytes) -> bool:
        """Take a captured frame, on the device's thread; False when the loop has ended, and the call with it."""
        self._waiting.append(frame)
        if threading.get_ident() == self._thread_id:
            self._send_captured()
        elif not self._awake and not self._closed:
            self._awake = True
            try:
                self.loop.call_soon_threadsafe(self._send_captured)
            except RuntimeError:
                self._closed = True
                return False
        return True

    def beat(self, due_at: float) -> None:
        """Make what is due at this beat of the device, which asks at each: no timer has to, no packet wakes us up.

        It should have asked at `due_at`: a beat that is late makes no packet earlier.
        """
        self._asked_at = self.loop.time()
        self._collect_and_top_up(due_at)

    def arrived(self) -> None:
        """Make of a packet that has just arrived what can be made well."""
        if not self._collecting:
            self.top_up()

    def _send_captured(self) -> None:
        self._awake = False
        if self._closed:
            return
        self._ticked_at = now = self.loop.time()
        self._timer.at = now + CLOCK_LOST_S
        while self._waiting:
            frame = self._waiting.popleft()
            if self.instead or self.signals or self.said.sinks:
                self._send(frame)
            else:
                self._endpoint.push_pcm(frame)
        if self._due is None and not self._is_asked(now):
            self.top_up()

    def _is_asked(self, now: float) -> bool:
        """Whether the device asks for what is due; else a timer has to know."""
        return now - self._asked_at < CLOCK_LOST_S

    def _send(self, frame: bytes) -> None:
        if self.instead:
            frame = self.instead.popleft()
        self.said.feed(frame)
        if self.signals:
            self._endpoint.push_pcm(frame, self.signals.popleft())
        else:
            self._endpoint.push_pcm(frame)

    def top_up(self, due_at: float | None = None) -> None:
        """Make what is due, and what can already be made well, of what was taken in.

        A device that asks gets it at its beats only, each of which was `due_at` some time.
        """
        heard = self._desk.together(self)
        if not heard or self._sound is None or (due_at is None and heard[-1]._is_asked(self.loop.time())):
            return
        sources = []
        for pump in heard:
            if (source := pump._endpoint.receiver) is not None:
                sources.append((pump, source))
        heard[-1]._top_up(self._sound, sources, due_at)

    def _collect_and_top_up(self, due_at: float | None = None) -> None:
        """The same, of all that has arrived."""
        for pump in self._desk.together(self):
            pump._collect(due_at is not None)
        self.top_up(due_at)

    def _collect(self, may_wait: bool) -> None:
        self._collecting = True
        try:
            self.collect(may_wait)
        finally:
            self._collecting = False

    def _top_up(self, sound: Sound, sources: Sources, due_at: float | None) -> None:
        if self._due is not None:
            self._rest()
        if self._closed or not sources or sound.state is SoundState.CLOSED:
            return
        now, target_ms = self.loop.time(), sound.playout_target_ms
        # Who asks again in time is given what is due, and no more: what is ahead would wait there in the place of here.
        patience_s, most_ahead_s = (_patience_s(target_ms), MOST_AHEAD_S) if due_at is None else (0.0, 0.0)
        spare_s = (sound.due_ms() - target_ms) / 1000  # how long it would still be in time to write the next piece
        for _ in range(MOST_AT_ONCE):
            if spare_s > most_ahead_s or (spare_s > -patience_s and not self._are_ready(sources)):
                break
            sound.write(self._made(sources, now + spare_s if spare_s > 0 else due_at or now))
            spare_s = (sound.due_ms() - target_ms) / 1000
        if due_at is None:
            due_in_s = spare_s if spare_s > 0 else spare_s + patience_s
            self._due = self.loop.call_at(now + max(due_in_s, LEAST_WAIT_S), self._collect_and_top_up)

    def _are_ready(self, sources: Sources) -> bool:
        piece = self._piece
        return sources[0][1].ready(piece) if len(sources) == 1 else all(source.ready(piece) for _, source in sources)

    def _made(self, sources: Sources, due: float) -> bytes:
        """The next piece of all that is heard."""
        together = b""
        for pump, source in sources:
            made = source.pull(due, self._piece)
            if pump.heard.sinks:
                pump._let_hear(made)
            together = mixed(together, made) if together else made
        return together

    def _rest(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _let_hear(self, piece: bytes) -> None:
        """Let those who listen have what is played, in whole frames."""
        self._begun += piece
        while len(self._begun) >= FRAME_BYTES:
            self.heard.feed(self._begun[:FRAME_BYTES])
            self._begun = self._begun[FRAME_BYTES:]

    def _watch(self) -> float:
        """Take over the beat while the device does not give one."""
        now, due = self.loop.time(), self._timer.at
        if now - self._ticked_at < CLOCK_LOST_S:
            return self._ticked_at + CLOCK_LOST_S
        self._send(SILENCE)
        self._drain(now)
        return max(due + FRAME_S, now)

    def _drain(self, now: float) -> None:
        if self._sound is not None and self._sound.state is not SoundState.CLOSED:
            self._collect_and_top_up()
        elif (source := self._endpoint.receiver) is not None:
            self._let_hear(source.pull(now, FRAME_SAMPLES))


def _patience_s(target_ms: float) -> float:
    """How much of the time that is kept for a late writer a late packet may take, before its sound is made up.

    The writer is seldom as late as ever when a packet is.
    """
    return max(0.0, target_ms - RESERVE_MS) / 2000


def _nothing_waits(_may_wait: bool) -> None:
    """Whatever arrives wakes up the loop."""

"""A sound device without a card: files, bytes or nothing at all, paced by the monotonic clock.

Calls can so be tested, and scripted, on any machine. At every beat, 20 ms apart, one frame is played (what was queued,
with the mixer's sounds) and one is captured. After a while without a listener and without a sound the beat rests: the
file of the microphone stands still then, and that of the speaker gets its silence afterwards.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from hw.closing import Closing
from hw.errors import ToneError
from hw.sound.frame import FRAME_BYTES, FRAME_MS, FRAME_SAMPLES, RATE_HZ, SILENCE, FrameSink
from hw.sound.frame_clock import FrameClock
from hw.sound.interface import CaptureSink, Loop, SoundState
from hw.sound.mixer import SoftMixer
from hw.sound.pcm import mixed, scaled
from hw.sound.wav_files import WavReader, WavWriter

log = logging.getLogger(__name__)

MOST_QUEUED_FRAMES = 20
READY_MS = 6  # written this early, sound is in time for a beat that is a bit early, too


class PcmSource(Closing):
    """Frames of a fixed sound: once and then silence, or over and over; sounds may be added on top."""

    def __init__(self, sound: bytes | WavReader, loop: bool) -> None:
        """`sound` is a file, which is read as it is needed, or 48 kHz mono int16."""
        self._sound = sound
        self._loop = loop
        self._block, self._at = b"", 0  # what was read, and how far it has been said
        self._blocks = self._begin()
        self._spoken: deque[bytes] = deque()

    def close(self) -> None:
        """Let the file go; idempotent."""
        if isinstance(self._sound, WavReader):
            self._sound.close()
        self._sound, self._blocks = b"", iter(())

    def speak(self, pcm: bytes) -> None:
        """Queue sound that starts now, over what plays; any thread."""
        padded = pcm + bytes(-len(pcm) % FRAME_BYTES)
        self._spoken.extend(padded[i : i + FRAME_BYTES] for i in range(0, len(padded), FRAME_BYTES))

    @property
    def is_speaking(self) -> bool:
        """Whether sound was added that has not come yet."""
        return bool(self._spoken)

    def frame(self) -> bytes:
        """Make the next 20 ms."""
        base = self._block[self._at : self._at + FRAME_BYTES]
        if len(base) == FRAME_BYTES:  # as nearly always
            self._at += FRAME_BYTES
        else:
            base = self._joined(base)
        return mixed(base, self._spoken.popleft()) if self._spoken else base

    def _joined(self, piece: bytes) -> bytes:
        """A frame that begins with the end of a block."""
        self._at += len(piece)
        while len(piece) < FRAME_BYTES and (block := self._next()):
            self._block, self._at = block, FRAME_BYTES - len(piece)
            piece += block[: self._at]
        return piece.ljust(FRAME_BYTES, b"\0")

    def _begin(self) -> Iterator[bytes]:
        if isinstance(self._sound, bytes):
            return iter([self._sound[: len(self._sound) // 2 * 2]])
        return self._sound.blocks()

    def _next(self) -> bytes:
        """The next piece; empty at the end."""
        try:
            block = next(self._blocks, b"")
            if not block and self._loop:
                self._blocks = self._begin()
                block = next(self._blocks, b"")
        except ToneError as error:
            log.warning("silence is captured from now on: %s", error)
            self.close()
            block = b""
        return block


class WavSound(Closing):
    """hw.sound.interface.Sound over WAV files (any rate and channel count), paced as a card would.

        WavSound(capture="in.wav", playback="out.wav", loop=True)
        WavSound()                                     a silent microphone, and a speaker that nobody hears

    `capture` may also be 48 kHz mono int16 bytes; `playback` may be a function that is given each played frame.
    """

    def __init__(
        self,
        capture: str | Path | bytes | None = None,
        playback: str | Path | FrameSink | None = None,
        *,
        loop: bool = False,
    ) -> None:
        """Raises ToneError when a file cannot be read or written."""
        said = capture if isinstance(capture, bytes) else WavReader(capture) if capture else b""
        self._source = PcmSource(said, loop)
        self._writer = WavWriter(playback) if isinstance(playback, (str, Path)) else None
        self._tap: FrameSink | None = playback if callable(playback) else None
        self._queue: deque[bytes] = deque(maxlen=MOST_QUEUED_FRAMES)
        self._sink: CaptureSink | None = None
        self._ended = False
        self._state = SoundState.CLOSED
        self._clock = FrameClock(FRAME_MS / 1000, self._tick, self._is_used, self._has_rested)
        self._beat_at = time.monotonic()
        self._next_at = self._beat_at + FRAME_MS / 1000
        self._gain = 1.0
        self.mixer = SoftMixer(self._clock.stir)
        self.period_ms = FRAME_MS
        self.playout_target_ms = READY_MS
        self.on_beat: Callable[[float], None] | None = None
        self.on_state: Callable[[SoundState, str], None] | None = None
        self.constraints: Mapping[str, Any] = {}

    @property
    def state(self) -> SoundState:
        """OPEN between start and close."""
        return self._state

    def start(self) -> None:
        """Start the beat; idempotent."""
        if self._state is SoundState.CLOSED and not self._ended:
            self._beat_at = time.monotonic()
            self._next_at = self._beat_at + FRAME_MS / 1000
            self._clock.start()
            self._report(SoundState.OPEN, "files paced by the clock")

    def close(self) -> None:
        """Stop and finish the playback file; idempotent."""
        if self._ended:
            return
        self._ended = True
        self._clock.stop()
        self._source.close()
        if self._writer is not None:
            self._writer.close()
        self._report(SoundState.CLOSED, "closed")

    def set_capture(self, sink: CaptureSink | None) -> None:
        """Send each captured frame to `sink`, on the thread that keeps the beat; it must not block."""
        self._sink = sink
        self._clock.stir()

    def lend_beat(self, loop: Loop) -> None:
        """Let a call's loop keep the beat (LoopPaced); not while a file is written, which may take time."""
        if self._writer is None:
            self._clock.lend(loop)

    def take_back_beat(self) -> None:
        """Keep the beat alone again, after the call."""
        self._clock.take_back()

    def write(self, frame: bytes) -> None:
        """Queue one far-end frame; beyond 400 ms the oldest is dropped."""
        self._queue.append(frame)
        if self._clock.rests:
            self._clock.stir()

    def queued_ms(self) -> float:
        """Tell how much far-end audio waits to be played."""
        return float(len(self._queue) * FRAME_MS)

    def due_ms(self) -> float:
        """Tell how long until a beat takes sound that was not written yet.

        A loop that keeps the beat asks for it just then, so nothing has to be written earlier.
        """
        early_ms = READY_MS if self._clock.is_lent and self.on_beat is not None else 0
        until_beat_ms = (self._next_at - time.monotonic()) * 1000
        return early_ms + len(self._queue) * FRAME_MS + (until_beat_ms if until_beat_ms > 0 else 0.0)

    def flush(self) -> None:
        """Drop what waits to be played."""
        self._queue.clear()

    def configure(self, constraints: Mapping[str, Any] | None) -> None:
        """Remember the constraints; files have no echo, noise or gain to treat."""
        self.constraints = dict(constraints or {})

    def progress_s(self) -> float:
        """Return the seconds since the last beat; 0 while it rests."""
        return 0.0 if self._clock.rests else time.monotonic() - self._beat_at

    def speak(self, pcm: bytes) -> None:
        """Say 48 kHz mono int16 `pcm` into the microphone from now on, over its file."""
        self._source.speak(pcm)
        self._clock.stir()

    def hear(self, tap: FrameSink | None) -> None:
        """Hand every played frame to `tap` too, on the thread that keeps the beat."""
        self._tap = tap
        self._clock.stir()

    @property
    def playback_name(self) -> str:
        """No card, and so no mixer of its own."""
        return ""

    @property
    def bell_name(self) -> str:
        """No card, and so no second one."""
        return ""

    def set_gain(self, gain: float) -> None:
        """Set the software volume of the far end (see hw.sound.volume)."""
        self._gain = gain

    def _is_used(self) -> bool:
        listens = self._sink is not None or self._tap is not None
        return listens or bool(self._queue) or self._source.is_speaking or self.mixer.is_playing()

    def _has_rested(self, rested_s: float) -> None:
        self._beat_at = time.monotonic()
        try:
            if self._writer is not None:
                self._writer.skip(round(rested_s * RATE_HZ))
        except OSError as error:
            log.warning("a pause is missing in the sound file: %s", error)

    def _tick(self) -> None:
        self._beat_at = self._next_at = time.monotonic()
        try:
            if self.on_beat is not None and self._clock.is_lent:
                self.on_beat(self._clock.due_at)
            self._next_at = self._beat_at + FRAME_MS / 1000
            self._play()
            captured = self._source.frame()
            if (sink := self._sink) is not None:
                sink(captured)
        except Exception:
            log.exception("a frame of the virtual sound card was lost")

    def _play(self) -> None:
        """Take the frame that is due from what waits and sounds, for those that hear it."""
        frame = self._queue.popleft() if self._queue else SILENCE
        tones = self.mixer.render(FRAME_SAMPLES) if self.mixer.sounds else None
        tap, writer = self._tap, self._writer
        if tap is None and writer is None:
            return
        if self._gain != 1.0:
            frame = scaled(frame, self._gain)
        if tones is not None:
            frame = mixed(frame, tones)
        if writer is not None:
            writer.write(frame)
        if tap is not None:
            tap(frame)

    def _report(self, state: SoundState, why: str) -> None:
        self._state = state
        if (on_state := self.on_state) is not None:
            on_state(state, why)

"""The one native worker between the rings: cancels echo, mixes tones, keeps a beat when the card does not.

It wakes when a frame was captured, 50 times a second, and renders tones on the same occasion, some 40 ms ahead. While
no microphone runs it wakes by the clock and hands on silence, so that a call goes on; while no speaker runs it takes
what would have been played, so that nothing piles up. While the card rests it sleeps, and when the streams are started
again it leaves what waits to them.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable

from hw.closing import Closing
from hw.sound.drift import Drift, DriftCorrector
from hw.sound.echo import Canceller, NoCanceller
from hw.sound.echo_reference import EchoReference
from hw.sound.frame import BYTES_PER_MS, FRAME_BYTES, FRAME_MS, FRAME_SAMPLES, SILENCE
from hw.sound.interface import CaptureSink
from hw.sound.mixer import SoftMixer
from hw.sound.pacer import Pacer
from hw.sound.pcm import level_db, scaled
from hw.sound.priority import raise_priority
from hw.sound.rings import CaptureRing, PlayoutRing
from hw.sound.wake import Wake

log = logging.getLogger(__name__)

STANDS_STILL_S = 0.1  # a stream silent for longer is stood in for
TONES_AHEAD_MS = 40
START_AHEAD_MS = 200  # streams that start take several periods at once, and no microphone wakes the worker yet
STARTS_S = 0.5  # what streams that start again are given, before they are stood in for
IDLE_WAKE_MS = 100
MOST_SKIPPED_MS = 200  # at once, in the place of a speaker

Convert = Callable[[bytes], bytes]


class DspWorker(Closing):
    """One thread; everything it is told from outside is a single assignment."""

    def __init__(self, wake: Wake, capture: CaptureRing, playback: PlayoutRing, ring: PlayoutRing,
                 reference: EchoReference, mixer: SoftMixer, priority: int = 0) -> None:
        self._wake = wake
        self._capture, self._playback, self._ring = capture, playback, ring
        self._reference, self._mixer = reference, mixer
        self._priority = priority
        self._thread: threading.Thread | None = None
        self._ended = False
        self._restart = False
        self._awaited_until = 0.0  # no stream is stood in for before
        self._near = bytearray()
        self._lost = 0
        self._drift, self._corrector = Drift(), DriftCorrector()
        now = time.monotonic()
        self._silent_capture = Pacer(FRAME_MS / 1000, now)
        self._silent_playback = {
            each: Pacer(each.unit_ms / 1000, now, most_at_once=MOST_SKIPPED_MS // each.unit_ms)
            for each in (playback, ring)
        }
        self._faults = 0
        self._frame = SILENCE
        self._sink: CaptureSink | None = None
        self._next_sink: CaptureSink | None = None
        self.canceller: Canceller = NoCanceller()
        self.convert: Convert | None = None
        self.gain = 1.0
        self.dsp_s = 0.0
        self.frames = 0

    @property
    def level_db(self) -> float:
        """Level of the last frame that was handed on, in dB of full scale."""
        return level_db(self._frame)

    @property
    def drift_ppm(self) -> float:
        """How much faster the playback card counts than the capture card, as far as known."""
        return self._drift.ppm

    def start(self) -> None:
        """Start the thread; idempotent."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="sound-dsp", daemon=True)
            self._thread.start()

    def close(self, timeout_s: float = 0.5) -> None:
        """End the thread; idempotent."""
        self._ended = True
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)

    def restart(self) -> None:
        """Drop what is half done, because the card was opened anew."""
        self._restart = True
        self._wake.set()

    def rest(self) -> None:
        """Sleep until somebody listens or something sounds; what sounds then is kept for the streams that start."""
        self._awaited_until = math.inf
        self.restart()

    def resume(self) -> None:
        """Work with streams that were started again."""
        self._awaited_until = time.monotonic() + STARTS_S

    def wait_no_more(self) -> None:
        """Stand in for streams that did not start."""
        self._awaited_until = 0.0
        self._wake.set()

    @property
    def idle(self) -> bool:
        """Whether nobody listens and nothing sounds."""
        listens = self._sink is not None or self._next_sink is not None
        playing = self._mixer.is_playing() or self._mixer.is_playing(ring_device=True)
        waiting = self._playback.speech_ms() or self._playback.tones_ms() or self._ring.tones_ms()
        return not (listens or playing or waiting)

    def listen(self, sink: CaptureSink | None) -> None:
        """Hand on frames to `sink` from the next one on; nothing that was captured earlier."""
        self._sink, self._next_sink = None, sink
        self._wake.set()

    def _run(self) -> None:
        raise_priority(self._priority)
        while not self._ended:
            self._wake.wait(self._rest_s(time.monotonic()))
            try:
                self._round(time.monotonic())
            except Exception:
                self._faults += 1
                log.log(logging.ERROR if self._faults == 1 else logging.DEBUG, "a round of sound failed", exc_info=True)

    def _rest_s(self, now: float) -> float | None:
        """How long nothing needs doing if the microphone stays silent; None: for ever."""
        if self.idle:
            return None
        if self._moves(self._capture, now):
            return STANDS_STILL_S
        return self._silent_capture.wait_s(now)

    def _moves(self, ring: CaptureRing | PlayoutRing, now: float) -> bool:
        return now < self._awaited_until or now - ring.beat.at < STANDS_STILL_S

    def _round(self, now: float) -> None:
        if self._restart:
            self._begin_again()
        self._capture_frames()
        if self._next_sink is not None:
            self._sink, self._next_sink = self._next_sink, None
        self._stand_in_for_capture(now)
        for ring, is_ring_device in ((self._playback, False), (self._ring, True)):
            self._render_tones(ring, is_ring_device, START_AHEAD_MS if now < self._awaited_until else TONES_AHEAD_MS)
            self._stand_in_for_playback(ring, now)
        self._capture.wake_after_ms(IDLE_WAKE_MS if self.idle else FRAME_MS - len(self._near) // BYTES_PER_MS)

    def _begin_again(self) -> None:
        self._restart = False
        self._near.clear()
        self._capture.clear()
        self._reference.clear()
        self._unlock()

    def _unlock(self) -> None:
        self._reference.unlock()
        self._drift.reset()
        self._corrector.reset()
        self._lost = self._capture.lost

    def _capture_frames(self) -> None:
        while (chunk := self._capture.take()) is not None:
            self._near += self.convert(chunk) if self.convert is not None else chunk
        while len(self._near) >= FRAME_BYTES:
            near = bytes(self._near[:FRAME_BYTES])
            del self._near[:FRAME_BYTES]
            self._one_frame(near)

    def _one_frame(self, near: bytes) -> None:
        if self._capture.lost != self._lost:
            self._unlock()
        far = self._played()
        sink = self._sink
        if sink is None and far == SILENCE:
            return  # nobody listens; but what is played, such as the ring, teaches the canceller the room
        began = time.thread_time()
        self._frame = scaled(self._treated(near, far), self.gain)
        self.dsp_s += time.thread_time() - began
        self.frames += 1
        if sink is not None:
            sink(self._frame)

    def _treated(self, near: bytes, far: bytes) -> bytes:
        try:
            return self.canceller.process(near, far)
        except Exception:
            log.exception("the echo canceller %s failed: sound is sent as it is from now on", self.canceller.name)
            self.canceller = NoCanceller()
            return near

    def _played(self) -> bytes:
        """The frame of the echo reference that belongs to the next captured frame."""
        reference, locks = self._reference, self._reference.locks
        if played := reference.arrived():
            reference.hold(self._corrector.correct(played, self._drift.ppm, reference.in_hand_bytes() // 2))
        far = reference.pair()
        if reference.locked:
            self._drift.update(self._capture.beat, self._playback.beat)
        if reference.locks != locks:
            self._corrector.restart()
        return far

    def _stand_in_for_capture(self, now: float) -> None:
        if self._moves(self._capture, now):
            self._silent_capture.restart(now)
            return
        for _ in range(self._silent_capture.take_due(now)):
            self._frame = SILENCE
            if (sink := self._sink) is not None:
                sink(SILENCE)

    def _stand_in_for_playback(self, ring: PlayoutRing, now: float) -> None:
        pacer = self._silent_playback[ring]
        if self._moves(ring, now):
            pacer.restart(now)
            return
        for _ in range(pacer.take_due(now)):
            ring.skip()

    def _render_tones(self, ring: PlayoutRing, is_ring_device: bool, ahead_ms: int) -> None:
        ahead_ms = max(ahead_ms, 2 * ring.period_ms)
        while ring.tones_ms() < ahead_ms:
            unit = self._mixer.render(ring.unit_ms * FRAME_SAMPLES // FRAME_MS, ring_device=is_ring_device)
            if unit is None:
                return
            ring.write_tone(unit)

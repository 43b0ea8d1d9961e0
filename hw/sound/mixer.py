"""The software mixer: ring, key and progress tones, rendered a few milliseconds at a time into an open stream."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from hw.sound.frame import RATE_HZ
from hw.sound.interface import SampleStream
from hw.sound.pcm import FloatSamples, PcmSamples


class PlayingTone:
    """One started sound: where it is, and when it must end."""

    def __init__(self, sound: bytes | SampleStream, loop: bool, limit: int | None) -> None:
        self._stream = None if isinstance(sound, bytes) else sound
        pcm = sound if isinstance(sound, bytes) else b""
        self._samples = np.frombuffer(pcm[: len(pcm) // 2 * 2], "<i2")
        self._loop = loop
        self._left = limit
        self._at = 0
        self._done = (self._stream is None and len(self._samples) == 0) or limit == 0

    @property
    def done(self) -> bool:
        """Whether it has ended by itself or by `stop`."""
        return self._done

    def stop(self) -> None:
        """End it now; idempotent, any thread."""
        self._done = True
        if self._stream is not None:
            self._stream.close()

    def read(self, n: int) -> PcmSamples:
        """Read the next samples, at most `n`; marks the sound as done at its end."""
        if self._left is not None:
            n = min(n, self._left)
            self._left -= n
        if self._stream is not None:
            piece = self._stream.read(n)
        else:
            piece = self._looped(n) if self._loop else self._samples[self._at : self._at + n]
            self._at += len(piece)
        if self._left == 0 or (self._stream is None and not self._loop and self._at >= len(self._samples)):
            self.stop()
        return piece

    def _looped(self, n: int) -> PcmSamples:
        self._at %= len(self._samples)
        pieces = [self._samples[self._at : self._at + n]]
        while (got := sum(map(len, pieces))) < n:
            pieces.append(self._samples[: n - got])
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


class SoftMixer:
    """Adds up every sound that plays (hw.sound.interface.Mixer); a device's worker asks it for chunks of one lane.

    Lane `ring` goes to the ring device where there is one; `separate_ring` says so. It is then as loud as `ring_gain`
    says, and on the speaker as loud as both gains together.
    """

    def __init__(self, wake: Callable[[], None] = lambda: None) -> None:
        """`wake` is called when a sound starts, so that a resting worker notices."""
        self._wake = wake
        self._lock = threading.Lock()
        self._playing: dict[bool, list[PlayingTone]] = {False: [], True: []}
        self.sounds = False  #: whether there may be something to `render`
        self.separate_ring = False
        self.gain = 1.0
        self.ring_gain = 1.0

    def play(
        self, sound: bytes | SampleStream, *, loop: bool = False, max_ms: int | None = None, ring: bool = False
    ) -> PlayingTone:
        """Start 48 kHz mono int16, or a stream; `ring` sends it to the ring device where one is configured."""
        limit = None if max_ms is None else max_ms * RATE_HZ // 1000
        tone = PlayingTone(sound, loop, limit)
        with self._lock:
            self._playing[ring].append(tone)
            self.sounds = True
        self._wake()
        return tone

    def stop_all(self) -> None:
        """End every sound."""
        with self._lock:
            for lane in self._playing.values():
                for tone in lane:
                    tone.stop()
                lane.clear()

    def is_playing(self, *, ring_device: bool = False) -> bool:
        """Tell whether the stream of the speaker (or of the ring device) has something to play."""
        return any(self._playing[lane] for lane in self._lanes(ring_device))

    def render(self, n: int, *, ring_device: bool = False) -> bytes | None:
        """Mix the next `n` samples of everything that plays on that device; None when nothing does."""
        if not self.sounds:
            return None
        total: FloatSamples | None = None
        with self._lock:
            for lane in self._lanes(ring_device):
                gain = self._gain(lane)
                for tone in self._playing[lane]:
                    if not tone.done:
                        total = np.zeros(n, np.float32) if total is None else total
                        piece = tone.read(n)
                        total[: len(piece)] += piece * np.float32(gain)
                self._playing[lane] = [tone for tone in self._playing[lane] if not tone.done]
            self.sounds = bool(self._playing[False] or self._playing[True])
        return None if total is None else np.clip(total, -32768, 32767).astype("<i2").tobytes()

    def _gain(self, ring: bool) -> float:
        """A loudspeaker that only rings is not turned down with the speaker."""
        if not ring:
            return self.gain
        return self.ring_gain if self.separate_ring else self.gain * self.ring_gain

    def _lanes(self, ring_device: bool) -> tuple[bool, ...]:
        if self.separate_ring:
            return (ring_device,)
        return () if ring_device else (False, True)

"""The two sounds of a call as streams that a program may read, replace and record; hub side.

A stream costs nothing until somebody reads or records it: only then is a tap hung into the audio path.
"""

from __future__ import annotations

import logging
import threading
import wave
from collections import deque
from pathlib import Path

import gevent
from gevent.event import Event

from agent.closing import Closing
from agent.media.bridge import Bridge
from hw.sound.frame import FRAME_BYTES, FRAME_MS, RATE_HZ, FrameSink

log = logging.getLogger(__name__)

KEPT_FRAMES = 50  # one second waits for a slow reader, the oldest is dropped
RECORDED_FRAMES = 500
WRITE_INTERVAL_S = 0.2


class Taps:
    """Who listens to the frames of one direction; called in the asyncio loop for each frame."""

    def __init__(self) -> None:
        self.sinks: tuple[FrameSink, ...] = ()

    def add(self, tap: FrameSink) -> None:
        """Hang in a tap, which must not block; any thread."""
        self.sinks = (*self.sinks, tap)

    def remove(self, tap: FrameSink) -> None:
        """Take a tap out; any thread; idempotent."""
        self.sinks = tuple(other for other in self.sinks if other != tap)

    def feed(self, frame: bytes) -> None:
        """Hand a frame to all of them."""
        for sink in self.sinks:
            sink(frame)


class Recorder(Closing):
    """Writes frames to a WAV file (48 kHz mono int16) on a thread of its own, so a slow disk disturbs nobody."""

    def __init__(self, path: str | Path, taps: Taps) -> None:
        """Raises OSError when the file cannot be written."""
        self._file = wave.open(str(path), "wb")  # noqa: SIM115  # closed by the thread
        self._file.setnchannels(1)
        self._file.setsampwidth(2)
        self._file.setframerate(RATE_HZ)
        self._taps = taps
        self._frames: deque[bytes] = deque(maxlen=RECORDED_FRAMES)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()
        taps.add(self._frames.append)

    def close(self) -> None:
        """Finish the file; idempotent; blocks for a moment."""
        self._taps.remove(self._frames.append)
        self._ended.set()
        self._thread.join(2)

    def _run(self) -> None:
        try:
            while not self._ended.wait(WRITE_INTERVAL_S):
                self._write()
            self._write()
            self._file.close()
        except OSError as error:
            log.warning("the recording ended early: %s", error)

    def _write(self) -> None:
        frames = [self._frames.popleft() for _ in range(len(self._frames))]
        if frames:
            self._file.writeframes(b"".join(frames))


class RemoteStream:
    """What the far end says."""

    def __init__(self, bridge: Bridge, taps: Taps) -> None:
        self._bridge = bridge
        self._taps = taps
        self._frames: deque[bytes] = deque(maxlen=KEPT_FRAMES)
        self._arrived = Event()
        self._reading = False
        self._ended = False

    def read(self, timeout_s: float | None = None) -> bytes | None:
        """Read the next 20 ms frame; blocks the calling greenlet; None after the time limit or the call's end."""
        if not self._reading:
            self._reading = True
            self._taps.add(self._tap)
        with gevent.Timeout(timeout_s, False):
            while not self._frames and not self._ended:
                self._arrived.clear()
                self._arrived.wait()
        return self._frames.popleft() if self._frames else None

    def record(self, path: str | Path) -> Recorder:
        """Record into a WAV file until the recorder is closed. Raises OSError."""
        return Recorder(path, self._taps)

    def end(self) -> None:
        """End the stream with its call: readers get None."""
        self._ended = True
        self._taps.remove(self._tap)
        self._arrived.set()

    def _tap(self, frame: bytes) -> None:
        self._frames.append(frame)
        self._bridge.post(self._arrived.set)


class LocalStream(RemoteStream):
    """What we say: the microphone, or what is written instead of it."""

    def __init__(self, bridge: Bridge, taps: Taps, instead: deque[bytes], signals: deque[bytes]) -> None:
        super().__init__(bridge, taps)
        self._instead = instead
        self._signals = signals

    def write(self, frame: bytes) -> None:
        """Send this 20 ms frame in place of the microphone's; beyond a second the oldest is dropped. ValueError."""
        if len(frame) != FRAME_BYTES:
            raise ValueError(f"a frame has {FRAME_BYTES} bytes ({FRAME_MS} ms), not {len(frame)}")
        self._instead.append(frame)

    def signal(self, pcm: bytes) -> None:
        """Let the far end hear 48 kHz mono int16 `pcm` over what is sent, also while that is muted; one at a time."""
        self._signals.clear()
        padded = pcm + bytes(-len(pcm) % FRAME_BYTES)
        self._signals.extend(padded[at : at + FRAME_BYTES] for at in range(0, len(padded), FRAME_BYTES))

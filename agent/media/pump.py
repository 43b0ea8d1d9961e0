"""Carries frames between a sound device and a peer: one wake-up of the asyncio loop for each captured frame.

The device's capture thread is the clock. Each frame it captures is sent, and playing is topped up to what the device
wants to have waiting; a packet that arrives tops up too, so that it need not wait for the next captured frame. When
the card is lost, or there is none, a timer takes its place: silence is sent and what arrives is drained.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol
from weakref import WeakKeyDictionary

from agent.media.streams import KEPT_FRAMES, Taps
from hw.ports import FRAME_MS, SILENCE, Sound, SoundState

CLOCK_LOST_S = 0.1  # without a captured frame for so long the timer takes over
FRAME_S = FRAME_MS / 1000
MOST_WAITING = 5  # captured frames that a stalled loop may find; older ones are dropped
MOST_AT_ONCE = 10  # frames of playing one wake-up may make


# Which pump works which device: one that is closed late, by a loop that stood still, must not silence the next call.
_users: WeakKeyDictionary[Sound, SoundPump] = WeakKeyDictionary()


class FrameEnd(Protocol):
    """The peer, as the pump sees it."""

    def push_pcm(self, frame: bytes) -> None:
        """Send one frame."""

    def pull_pcm(self) -> bytes:
        """The next frame to play."""

    @property
    def hearing(self) -> bool:
        """Whether anything ever arrived that could be played."""


class SoundPump:
    """Made and used in the asyncio loop, but for `_captured`, which the device calls on its own thread."""

    def __init__(self, peer: FrameEnd, sound: Sound | None) -> None:
        self.said = Taps()
        self.heard = Taps()
        self.instead: deque[bytes] = deque(maxlen=KEPT_FRAMES)  # sent in place of the microphone
        self._peer = peer
        self._sound = sound
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[bytes] = deque(maxlen=MOST_WAITING)
        self._awake = False
        self._closed = False
        self._ticked_at = self._loop.time()
        self._next_at = self._ticked_at
        self._timer = self._loop.call_at(self._next_at, self._watch)
        if sound is not None:
            _users[sound] = self
            sound.set_capture(self._captured)

    def close(self) -> None:
        """Let go of the device; idempotent."""
        if self._closed:
            return
        self._closed = True
        self._timer.cancel()
        if self._sound is not None and _users.get(self._sound) is self:
            self._sound.set_capture(None)
            self._sound.flush()

    def _captured(self, frame: bytes) -> None:
        self._waiting.append(frame)
        if not self._awake and not self._closed:
            self._awake = True
            try:
                self._loop.call_soon_threadsafe(self._send_captured)
            except RuntimeError:  # the loop has ended
                self._closed = True

    def _send_captured(self) -> None:
        self._awake = False
        if self._closed:
            return
        self._ticked_at = self._loop.time()
        while self._waiting:
            self._send(self._waiting.popleft())
        self.top_up()

    def _send(self, frame: bytes) -> None:
        if self.instead:
            frame = self.instead.popleft()
        self.said(frame)
        self._peer.push_pcm(frame)

    def top_up(self) -> None:
        """Make as much sound as the device wants to have waiting; also called when a packet arrives."""
        sound = self._sound
        if sound is None or sound.state is SoundState.CLOSED or not self._peer.hearing:
            return
        for _ in range(MOST_AT_ONCE):
            if sound.queued_ms() >= sound.playout_target_ms:
                break
            sound.write(self._play())

    def _play(self) -> bytes:
        frame = self._peer.pull_pcm()
        self.heard(frame)
        return frame

    def _watch(self) -> None:
        """Take over the beat while the device does not give one."""
        now = self._loop.time()
        lost = now - self._ticked_at > CLOCK_LOST_S
        if lost:
            self._send(SILENCE)
            if self._peer.hearing:
                self._drain()
        self._next_at = max(self._next_at + FRAME_S, now) if lost else now + CLOCK_LOST_S
        self._timer = self._loop.call_at(self._next_at, self._watch)

    def _drain(self) -> None:
        if self._sound is not None and self._sound.state is not SoundState.CLOSED:
            self.top_up()
        else:
            self._play()

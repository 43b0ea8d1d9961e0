"""What the rest of the program knows of sound: one interface, with no card behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Protocol, runtime_checkable

from hw.sound.pcm import PcmSamples

CaptureSink = Callable[[bytes], None]


class SoundState(Enum):
    """Where a sound device stands; anything but OPEN means silence in, or out, or both, never an exception.

    Until it is CLOSED frames are captured and taken at the pace of the clock, whatever becomes of the card.
    """

    CLOSED = "closed"
    OPENING = "opening"
    OPEN = "open"
    LOST = "lost"


class Playing(Protocol):
    """A sound that was started."""

    def stop(self) -> None:
        """End it now; idempotent, any thread."""

    @property
    def done(self) -> bool:
        """Whether it has ended by itself or by `stop`."""


class SampleStream(Protocol):
    """A sound that is made while it plays."""

    def read(self, n: int) -> PcmSamples:
        """Return the next `n` samples, 48 kHz mono; on a thread of the device, so it must not block."""

    def close(self) -> None:
        """End it; idempotent, any thread."""


class Mixer(Protocol):
    """Mixes ring, key and progress tones into the one open output stream."""

    def play(
        self, sound: bytes | SampleStream, *, loop: bool = False, max_ms: int | None = None, ring: bool = False
    ) -> Playing:
        """Start 48 kHz mono int16, or a stream; `ring` sends it to the ring device where one is configured."""

    def stop_all(self) -> None:
        """End every sound."""


class LoopTimer(Protocol):
    """What a loop returns for a call to come."""

    def cancel(self) -> None:
        """Do not call."""


class Loop(Protocol):
    """What a frame clock needs of an asyncio loop, whose clock is `time.monotonic`."""

    def call_at(self, when: float, callback: Callable[[], None]) -> LoopTimer:
        """Call at that time; in the loop's thread only."""


@runtime_checkable
class BeatKeeper(Protocol):
    """A loop that has a cheaper way than a timer for what is done all the time."""

    def keep_beat(self, beat: Callable[[], float | None], first_at: float) -> LoopTimer:
        """Call `beat` at that time, and whenever it asks for, None: never again; in the loop's thread only."""


@runtime_checkable
class LoopPaced(Protocol):
    """A sound device whose beat the event loop of a call may keep; frames are then captured in the loop's thread."""

    #: called in that thread at each beat, before a frame is taken, with when the beat should have been
    on_beat: Callable[[float], None] | None

    def lend_beat(self, loop: Loop) -> None:
        """Let `loop` keep the beat; call it in the loop's thread. The device may go on keeping it itself."""

    def take_back_beat(self) -> None:
        """Let the loop, which has no more use for it, lose the beat; call it in the loop's thread; idempotent."""


class Sound(Protocol):
    """What a call listens to and speaks through."""

    period_ms: int  # how much far-end sound the card takes at once
    playout_target_ms: int  # how long before the card needs far-end sound it should have been written
    on_state: Callable[[SoundState, str], None] | None  # called on a native thread with a reason in words

    @property
    def mixer(self) -> Mixer:
        """Plays tones over, or instead of, the far end."""

    @property
    def state(self) -> SoundState:
        """The current state; changes are reported through `on_state`."""

    def start(self) -> None:
        """Open, and keep trying when there is no card; returns at once; idempotent.

        May raise SoundDeniedError when this user may not, which ends the call that asks for sound.
        """

    def close(self) -> None:
        """Release the card; idempotent; returns within 2 s even if the sound server is wedged."""

    def set_capture(self, sink: CaptureSink | None) -> None:
        """Send each captured frame to `sink`, on a native thread; it must not block."""

    def write(self, sound: bytes) -> None:
        """Queue far-end sound for playing, a frame or a multiple of the period; any thread; the oldest is dropped."""

    def queued_ms(self) -> float:
        """Tell how much far-end audio waits to be played."""

    def due_ms(self) -> float:
        """Tell how long until the card takes sound not yet written: what waits, and the time to its next beat."""

    def flush(self) -> None:
        """Drop what waits to be played."""

    def configure(self, constraints: Mapping[str, Any] | None) -> None:
        """Apply `audio_constraints`: echoCancellation, noiseSuppression, autoGainControl (bools), deviceId (a name)."""

    def progress_s(self) -> float:
        """Return the seconds since the last sign of life of the device's callbacks."""

"""The sounds of calls under the SDK's names, played through the sound device's mixer (spec: device 10).

    incoming     rings until it is stopped          outgoing     an outgoing call is open
    disconnect   a call's media has ended           dtmf0 … dtmf9, dtmfs (*), dtmfh (#)   a key was sent

All are computed here; `Device.setup(sounds={name: file or PCM})` replaces them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

import gevent
from gevent.event import AsyncResult

from agent.errors import InvalidArgumentError
from agent.log import FailureLog
from agent.voice.async_queue import AsyncQueue
from hw.sound import tones
from hw.sound.interface import Playing
from hw.sound.sound_file import SoundFile
from hw.sound.wav_files import load_pcm

log = logging.getLogger(__name__)

INCOMING: Final = "incoming"
OUTGOING: Final = "outgoing"
DISCONNECT: Final = "disconnect"
SWITCHES: Final = (INCOMING, OUTGOING, DISCONNECT)
KEY_NAMES: Final = {digit: f"dtmf{digit}" for digit in "0123456789"} | {"*": "dtmfs", "#": "dtmfh"}
NAMES: Final = (*SWITCHES, *KEY_NAMES.values())

_MAX_MS: Final = {OUTGOING: 3_000, DISCONNECT: 3_000} | dict.fromkeys(KEY_NAMES.values(), 1_000)
_TRIAL_MS: Final = 3_000


class QueuedSound:
    """One sound: `play` and `stop` take their turns, so that a `stop` always ends the `play` before it."""

    def __init__(self, name: str, source: Any, device: Any, *, trial: bool = False) -> None:
        """A `trial` is the same sound, but ends by itself."""
        self.name = name
        self._loops = name == INCOMING and not trial
        self._max_ms = _TRIAL_MS if trial else _MAX_MS.get(name)
        self._source = source
        self._device = device
        self._sound: bytes | SoundFile | None = source if isinstance(source, bytes | SoundFile) else None
        self._queue = AsyncQueue()
        self._playing: Playing | None = None
        self._stops_asked = 0
        self._starts_under_way = 0

    @property
    def is_playing(self) -> bool:
        """Whether it can be heard now."""
        return self._playing is not None and not self._playing.done

    @property
    def is_idle(self) -> bool:
        """Whether it neither plays nor is about to."""
        return not (self.is_playing or self._starts_under_way)

    def play(self) -> AsyncResult[None]:
        """Start it, from its beginning if it plays already; the result is set when it has started."""
        stops = self._stops_asked
        self._starts_under_way += 1
        return self._queue.enqueue(lambda: self._start(stops))

    def stop(self) -> AsyncResult[None]:
        """End it; one that is still being loaded is not started."""
        self._stops_asked += 1
        return self._queue.enqueue(self._stop)

    def _start(self, stops: int) -> None:
        try:
            if self._device is None or stops != self._stops_asked:
                return
            sound = self._load()
            self._stop()
            if stops == self._stops_asked:
                on_bell = self.name == INCOMING
                pcm = sound if isinstance(sound, bytes) else sound.sound()
                self._playing = self._device.mixer.play(pcm, loop=self._loops, max_ms=self._max_ms, ring=on_bell)
        finally:
            self._starts_under_way -= 1

    def _stop(self) -> None:
        playing, self._playing = self._playing, None
        if playing is not None:
            playing.stop()

    def _load(self) -> bytes | SoundFile:
        if self._sound is None:
            self._sound = gevent.get_hub().threadpool.apply(self._read)
        return self._sound

    def _read(self) -> bytes | SoundFile:
        if self._source is None:
            return _computed(self.name)
        return SoundFile(self._source) if self._max_ms is None else load_pcm(self._source, self._max_ms / 1000)


class Sounds:
    """Every sound of a Device, and the switches of three of them."""

    def __init__(self, device: Any, replacements: Mapping[str, Any] | None = None, fake_keys: bool = False) -> None:
        """`device` is a hw.sound.interface.Sound or None: silence; `fake_keys` tones that no far end takes for digits.

        Raises InvalidArgumentError for an unknown name.
        """
        self.enabled = dict.fromkeys(SWITCHES, True)
        self.on_switch: Callable[[], object] = lambda: None  #: called when one of them was switched
        replacements = replacements or {}
        for name in replacements:
            if name not in NAMES:
                raise InvalidArgumentError(f"option sounds: there is no sound {name!r}; known are {', '.join(NAMES)}")
        fakes = {key: tones.key(digit, fake=True) for digit, key in KEY_NAMES.items()} if fake_keys else {}
        self._sounds = {name: QueuedSound(name, replacements.get(name, fakes.get(name)), device) for name in NAMES}
        self._trials = {name: QueuedSound(name, replacements.get(name), device, trial=True) for name in SWITCHES}
        self._failures = FailureLog(log, "playing a sound")

    def __getitem__(self, name: str) -> QueuedSound:
        return self._sounds[name]

    def play(self, name: str) -> AsyncResult[None]:
        """Start a sound; a failure is logged, and is in the result for whoever wants it."""
        result = self._sounds[name].play()
        result.rawlink(self._note)
        return result

    def play_key(self, digit: str) -> None:
        """Let a key be heard here."""
        self.play(KEY_NAMES[digit])

    def play_if_enabled(self, name: str) -> None:
        """Start one of the three sounds that have a switch, if it is on."""
        if self.enabled[name]:
            self.play(name)

    def try_out(self, name: str) -> None:
        """Let one of the three sounds that have a switch be heard once; the ring, too, then ends by itself."""
        self._trials[name].play().rawlink(self._note)

    def stop(self, name: str) -> AsyncResult[None]:
        """End a sound."""
        return self._sounds[name].stop()

    def switch(self, name: str, on: bool | None = None) -> bool:
        """Tell whether `incoming`, `outgoing` or `disconnect` is heard; `on` sets it. InvalidArgumentError."""
        if on is not None:
            if not isinstance(on, bool):
                raise InvalidArgumentError(f"argument on: {on!r} is not allowed; give True or False")
            self.enabled[name] = on
            self.on_switch()
        return self.enabled[name]

    def incoming(self, on: bool | None = None) -> bool:
        """Tell whether the ring is heard."""
        return self.switch(INCOMING, on)

    def outgoing(self, on: bool | None = None) -> bool:
        """Tell whether an answered outgoing call is heard."""
        return self.switch(OUTGOING, on)

    def disconnect(self, on: bool | None = None) -> bool:
        """Tell whether the end of a call is heard."""
        return self.switch(DISCONNECT, on)

    def stop_all(self) -> None:
        """End every sound, and start none that is still being loaded."""
        for sound in (*self._sounds.values(), *self._trials.values()):
            if not sound.is_idle:
                sound.stop()

    def _note(self, result: AsyncResult[None]) -> None:
        if result.exception is not None:
            self._failures.failed(result.exception)
        else:
            self._failures.recovered()


def _computed(name: str) -> bytes:
    if name == INCOMING:
        return tones.ring()
    if name == OUTGOING:
        return tones.connected()
    if name == DISCONNECT:
        return tones.disconnected()
    digit = next(digit for digit, key in KEY_NAMES.items() if key == name)
    return tones.key(digit)

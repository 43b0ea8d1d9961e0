"""The PortAudio side of the sound card. Everything here runs on the control thread, except the callbacks.

A callback must return exactly the bytes that were asked for and must never raise: fewer bytes stop the stream without
a word, and an exception is thrown into the thread that opened it.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import pyaudio

from hw.closing import Closing
from hw.errors import SoundDeniedError, SoundError
from hw.sound.alsa_names import prepare, real_name
from hw.sound.alsa_plugins import leave_out_ac3
from hw.sound.alsa_quiet import silence_alsa
from hw.sound.callback_hold import CallbackHold
from hw.sound.convert import CaptureConverter, PlaybackConverter
from hw.sound.devices import SoundDevice, find_device
from hw.sound.frame import RATE_HZ
from hw.sound.presence import card_numbers, holder, is_denied
from hw.sound.priority import raise_priority
from hw.sound.rings import CaptureRing, PlayoutRing
from hw.words import excerpt

log = logging.getLogger(__name__)

Callback = Callable[[bytes | None, int, Any, int], tuple[bytes | None, int]]

# With it PortAudio opens hardware through ALSA's conversion of rates and channels.
os.environ.setdefault("PA_ALSA_PLUGHW", "1")

_NO_DEVICE = {"", "none"}


class Names(NamedTuple):
    """Which devices to open; `none` or nothing leaves one out."""

    capture: str
    playback: str
    ring: str = ""


class Rings(NamedTuple):
    """Where the callbacks put and find their sound."""

    capture: CaptureRing
    playback: PlayoutRing
    ring: PlayoutRing


class OpenCard(Closing):
    """The open streams of one PortAudio instance."""

    def __init__(self, instance: pyaudio.PyAudio, priority: int) -> None:
        self.instance = instance
        self.priority = priority
        self._streams: dict[str, Any] = {}
        self._closed = False
        self.starts = 0  #: each gives the streams other threads
        self.convert: CaptureConverter | None = None
        self.names: dict[str, str] = {}
        self.missing: dict[str, str] = {}

    def add(self, role: str, device: SoundDevice, stream: Any) -> None:
        """Note one more open stream."""
        self._streams[role] = stream
        self.names[role] = device.name

    def start(self) -> None:
        """Let the callbacks begin, for the first time or again; SoundError when one does not."""
        self.starts += 1
        self._each("start", lambda stream: stream.start_stream())

    def rest(self) -> None:
        """Stop the streams and keep the card; SoundError when one does not stop."""
        self._each("stop", lambda stream: stream.stop_stream())

    def _each(self, what: str, act: Callable[[Any], object]) -> None:
        """Do it with each stream, the microphone's last: what a start delays is a bell or a first word."""
        for role, stream in sorted(self._streams.items(), key=lambda item: item[0] == "capture"):
            try:
                act(stream)
            except OSError as error:
                raise SoundError(f"{self.names[role]} does not {what}: {_why(error)}") from error

    @property
    def has_server(self) -> bool:
        """Whether a sound server may stand between this program and the card."""
        return any("hw:" not in name for name in self.names.values())

    def close(self) -> None:
        """Stop at once, without playing what is buffered; PortAudio forgets its list of devices with it; idempotent."""
        if self._closed:
            return
        self._closed = True
        for stream in self._streams.values():
            try:
                stream.close()
            except OSError as error:
                log.debug("a sound stream did not close cleanly: %s", error)
        self._streams.clear()
        self.instance.terminate()


def list_devices(names: Iterable[str] = ()) -> list[SoundDevice]:
    """List devices that can be opened now, from a fresh PortAudio; those of `names`, too, that only ALSA knows.

    On the control thread only.
    """
    silence_alsa()
    leave_out_ac3()
    prepare(names)
    instance = pyaudio.PyAudio()
    try:
        return _devices(instance)
    finally:
        instance.terminate()


def has_microphone(name: str) -> bool:
    """Tell whether there is a microphone called `name` now. On the control thread only."""
    try:
        find_device(list_devices(), name, True, card_numbers())
    except SoundError:
        return False
    return True


def open_card(names: Names, rings: Rings, priority: int = 0) -> OpenCard:
    """Open what there is of `names` and start it; SoundError when that is nothing.

    What is missing of the rest stands in `missing`, by role.
    """
    silence_alsa()
    leave_out_ac3()
    prepare(names)
    card = OpenCard(pyaudio.PyAudio(), priority)
    try:
        _open_all(card, names, rings)
        if not card.names:
            raise _error_of(card.missing)
        card.start()
    except BaseException:
        card.close()
        raise
    return card


def _open_all(card: OpenCard, names: Names, rings: Rings) -> None:
    devices, cards = _devices(card.instance), card_numbers()
    alone = names.capture in _NO_DEVICE or names.playback in _NO_DEVICE
    for role, wanted in zip(Names._fields, names, strict=True):
        if wanted in _NO_DEVICE:
            continue
        try:
            device = find_device(devices, wanted, role == "capture", cards, alone=alone)
            _open_one(card, role, device, rings)
        except SoundError as error:
            user = holder(wanted, role == "capture")
            card.missing[role] = f"{wanted} is in use by {user}: end that program" if user else str(error)


def _open_one(card: OpenCard, role: str, device: SoundDevice, rings: Rings) -> None:
    error: OSError | None = None
    period_ms = getattr(rings, role).period_ms
    for rate, channels in _formats(device, role == "capture"):
        convert: CaptureConverter | PlaybackConverter | None = None
        if role == "capture":
            convert = CaptureConverter(rate, channels)
            callback = _capture_callback(card, rings.capture, convert)
        else:
            ring = rings.playback if role == "playback" else rings.ring
            convert = PlaybackConverter(rate, channels)
            callback = _playback_callback(card, ring, convert)
        try:
            stream = _open_stream(card.instance, device, role == "capture", rate, channels, period_ms, callback)
        except OSError as refused:
            error = error or refused
            if refused.args and refused.args[0] == pyaudio.paDeviceUnavailable:
                break
            continue
        card.add(role, device, stream)
        if role == "playback":
            rings.playback.hold = CallbackHold(period_ms, stream.get_output_latency() * 1000)
        if isinstance(convert, CaptureConverter):
            card.convert = convert
        return
    raise SoundError(f"{device.name} cannot be opened: {_why(error)}")


def _formats(device: SoundDevice, capture: bool) -> list[tuple[int, int]]:
    """Rates and channel counts to try, best first: only odd cards need more than the first."""
    most = device.inputs if capture else device.outputs
    rates = dict.fromkeys((RATE_HZ, device.rate_hz, 44_100))
    return [(rate, channels) for rate in rates for channels in (1, 2) if channels <= most]


def _open_stream(instance: pyaudio.PyAudio, device: SoundDevice, capture: bool, rate: int, channels: int,
                 period_ms: int, callback: Callback) -> Any:
    side = {"input": True, "input_device_index": device.number} if capture else {
        "output": True, "output_device_index": device.number}
    return instance.open(format=pyaudio.paInt16, channels=channels, rate=rate, stream_callback=callback, start=False,
                         frames_per_buffer=rate * period_ms // 1000, **side)


def _capture_callback(card: OpenCard, ring: CaptureRing, convert: CaptureConverter) -> Callback:
    raised = 0

    def heard(data: bytes | None, frames: int, _times: Any, status: int) -> tuple[None, int]:
        nonlocal raised
        try:
            if raised != card.starts:
                raised = card.starts
                raise_priority(card.priority)
            if data:
                ring.put(data, convert.samples(frames), time.monotonic(), bool(status & pyaudio.paInputOverflow))
        except BaseException:
            pass
        return None, pyaudio.paContinue

    return heard


def _playback_callback(card: OpenCard, ring: PlayoutRing, convert: PlaybackConverter) -> Callback:
    raised = 0

    def wanted(_data: bytes | None, frames: int, _times: Any, status: int) -> tuple[bytes, int]:
        nonlocal raised
        needed = convert.frame_bytes * frames
        try:
            if raised != card.starts:
                raised = card.starts
                raise_priority(card.priority)
                if ring.hold is not None:
                    ring.hold.restart()
            if ring.hold is not None:
                wait_s = ring.hold.wait_s(time.monotonic(), bool(status & pyaudio.paOutputUnderflow))
                if wait_s > 0:
                    time.sleep(wait_s)
            played = convert.fill(needed, ring)
        except BaseException:
            played = b""
        return (played if len(played) == needed else bytes(needed)), pyaudio.paContinue

    return wanted


def _devices(instance: pyaudio.PyAudio) -> list[SoundDevice]:
    found = (instance.get_device_info_by_index(index) for index in range(instance.get_device_count()))
    return [
        SoundDevice(int(info["index"]), real_name(_text(info["name"])), int(info["maxInputChannels"]),
                    int(info["maxOutputChannels"]), int(info["defaultSampleRate"]))
        for info in found
    ]


def _text(name: str | bytes) -> str:
    """A device's name, whatever a card calls itself."""
    return excerpt(name.decode(errors="replace") if isinstance(name, bytes) else name, 200)


def _why(error: OSError | None) -> str:
    code = error.args[0] if error is not None and error.args else None
    if code == pyaudio.paDeviceUnavailable:
        return "another program uses it; end that program, or let both use a sound server"
    if code == pyaudio.paInvalidSampleRate:
        return "it knows none of the rates 48000 and 44100 Hz; name it as plughw:... so that ALSA converts"
    return str(error.args[-1] if error is not None and error.args else error)


def _error_of(missing: dict[str, str]) -> SoundError:
    if is_denied():
        return SoundDeniedError("this user may not open the sound card: add it to the group `audio`")
    return SoundError("; ".join(dict.fromkeys(missing.values())) or "no device is named")

"""Checks of the sound: cards, echo canceller, and a sweep from the speaker to the microphone."""

from __future__ import annotations

import ctypes.util
import importlib.util
import re
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import gevent

from agent.doctor.checklist import Check, failed, ok, warning
from agent.doctor.tone import Heard, find_sweep, sweep
from hw.errors import SoundError
from hw.sound.devices import SoundDevice, find_device
from hw.sound.frame import RATE_HZ
from hw.sound.interface import Sound, SoundState
from hw.sound.presence import card_numbers
from hw.sound.settings import SoundSettings

CARDS = Path("/proc/asound/cards")
OPEN_S = 8.0
LISTEN_S = 1.5
SETTLE_S = 0.5  # cards begin with clicks
FAINT_DB = -45.0  # less gain than this from speaker to microphone: nobody will be understood
CLEAR_DB = 20.0  # the sweep stands this far above everything else, or it was not heard
LATE_MS = 250.0

OpenSound = Callable[[], Sound]


def check_cards(settings: SoundSettings, cards: Path = CARDS) -> Check:
    """Tell which sound cards the kernel has."""
    if settings.driver != "alsa":
        return ok("sound cards", f"not needed: driver = '{settings.driver}'")
    try:
        text = cards.read_text(encoding="utf-8", errors="replace")
        names = re.findall(r"^\s*\d+ \[\w+\s*\]: .* - (.+)$", text, re.MULTILINE)
    except OSError:
        names = []
    if names:
        return ok("sound cards", ", ".join(names))
    remedy = "plug it in (lsusb should show it); behind a sound server, trust the tone test instead"
    return warning("sound cards", "the kernel has none", remedy)


def check_devices(settings: SoundSettings, list_devices: Callable[[], Sequence[SoundDevice]] | None = None) -> Check:
    """Tell which devices can be opened, and whether the configured ones are among them."""
    if settings.driver != "alsa":
        return ok("sound devices", f"not needed: driver = '{settings.driver}'")
    try:
        # On a native thread: PortAudio may take seconds, and must not hold up the hub's time limit.
        wanted = _wanted(settings)
        listing = list_devices or partial(_list_devices, [name for name, _ in wanted])
        devices = gevent.get_hub().threadpool.apply(listing)
        alone = len({capture for _, capture in wanted}) < len((True, False))
        chosen = [find_device(devices, name, capture, card_numbers(), alone=alone).name for name, capture in wanted]
    except (SoundError, ImportError) as error:
        return failed("sound devices", str(error), "set sound.capture and sound.playback to a name or a part of one")
    return ok("sound devices", f"{', '.join(dict.fromkeys(chosen)) or 'none wanted'} (all: {_names(devices)})")


def check_canceller(settings: SoundSettings) -> Check:
    """Check whether the echo canceller that is wanted is installed."""
    there = {
        "webrtc": importlib.util.find_spec("pywebrtc_audio") is not None,
        "speex": ctypes.util.find_library("speexdsp") is not None,
    }
    found = [name for name, installed in there.items() if installed]
    if settings.echo == "none":
        return warning("echo canceller", "switched off: the far end may hear itself", "set sound.echo = 'auto'")
    if settings.echo in found or (settings.echo == "auto" and found):
        return ok("echo canceller", settings.echo if settings.echo != "auto" else found[0])
    remedy = "pip install pywebrtc-audio, or apt install libspeexdsp1"
    return failed("echo canceller", f"{settings.echo} is not installed (found: {', '.join(found) or 'none'})", remedy)


def check_tone(settings: SoundSettings, open_sound: OpenSound) -> Check:
    """Play a sweep on the speaker and look for it in the microphone: is it heard, how loud, how late."""
    if settings.driver == "none":
        return ok("tone test", "not done: driver = 'none'")
    sound = open_sound()
    reasons: list[str] = []
    sound.on_state = lambda state, why: reasons.append(why)
    sound.start()
    try:
        if not _is_open(sound):
            why = reasons[-1] if reasons else f"not open after {OPEN_S:g} s"
            return failed("tone test", f"the sound card cannot be used: {why}", "see sound.capture, sound.playback")
        return hear_itself(sound)
    finally:
        sound.close()


def hear_itself(sound: Sound, is_free: Callable[[], bool] = lambda: True) -> Check:
    """Play a sweep on an open device and judge what its own microphone hears of it; blocks the greenlet some seconds.

    When the device `is_free` no longer, because a call wants it, what it captures is left to that.
    """
    sound.configure({"echoCancellation": False, "noiseSuppression": False, "autoGainControl": False})
    captured = _play_and_listen(sound, is_free)
    if not is_free():
        return warning("tone test", "it was broken off: a call came", "try again when the call is over")
    heard: Heard = gevent.get_hub().threadpool.apply(find_sweep, (captured,))
    return judge(heard)


def judge(heard: Heard) -> Check:
    """Judge what a measured sweep means to an installer."""
    facts = f"heard {heard.level_db:+.0f} dB, {heard.delay_ms:.0f} ms after it was played"
    if heard.clarity_db < CLEAR_DB:
        remedy = "check speaker, microphone and volume; with headphones or in two rooms this is expected"
        return failed("tone test", "the microphone does not hear the speaker", remedy)
    if heard.clipped:
        return warning("tone test", f"{facts}, but distorted", "lower the volume or sound.capture_gain_db")
    if heard.level_db < FAINT_DB:
        return warning("tone test", f"{facts}: very faint", "raise the volume, or move the microphone")
    if heard.delay_ms > LATE_MS:
        return warning("tone test", f"{facts}: very late", "lower sound.period_ms; avoid a sound server")
    return ok("tone test", facts)


def _list_devices(names: Sequence[str]) -> Sequence[SoundDevice]:
    from hw.sound.card import available_devices  # loads PortAudio

    return available_devices(names=names)


def _wanted(settings: SoundSettings) -> list[tuple[str, bool]]:
    roles = ((settings.capture, True), (settings.playback, False), (settings.ring, False))
    return [(name, capture) for name, capture in roles if name not in ("", "none")]


def _names(devices: Sequence[SoundDevice]) -> str:
    return ", ".join(device.name for device in devices)


def _is_open(sound: Sound) -> bool:
    _wait(lambda: sound.state is SoundState.OPEN, OPEN_S)
    return sound.state is SoundState.OPEN


class _Listener:
    """Keeps what is captured, a bounded piece of it."""

    def __init__(self) -> None:
        self.heard = bytearray()

    def __call__(self, frame: bytes) -> None:
        if not self.is_full:
            self.heard += frame

    @property
    def is_full(self) -> bool:
        return len(self.heard) >= 2 * RATE_HZ * LISTEN_S


def _play_and_listen(sound: Sound, is_free: Callable[[], bool]) -> bytes:
    """What was captured from the moment the sweep was played, without any treatment."""
    listener = _Listener()
    sound.set_capture(listener)
    _wait(lambda: bool(listener.heard) or not is_free(), OPEN_S)  # a card that rested begins now
    _wait(lambda: not is_free(), SETTLE_S)
    listener.heard.clear()
    playing = sound.mixer.play(sweep())
    _wait(lambda: listener.is_full or not is_free(), 3 * LISTEN_S)
    playing.stop()
    if is_free():
        sound.set_capture(None)
    return bytes(listener.heard)


def _wait(until: Callable[[], bool], most_s: float) -> None:
    deadline = time.monotonic() + most_s
    while not until() and time.monotonic() < deadline:
        gevent.sleep(0.05)

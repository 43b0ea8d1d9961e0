"""The sound device that the settings name."""

from __future__ import annotations

from typing import Protocol

from hw.sound.interface import Sound
from hw.sound.settings import SoundSettings
from hw.sound.volume import Adjustable
from hw.sound.wav_sound import WavSound


class BoxSound(Adjustable, Sound, Protocol):
    """What a box needs of its sound device: a call's port, and the volume's."""


def open_sound(settings: SoundSettings) -> BoxSound:
    """Make the device of `[sound]`; it is not started. Raises ToneError for a file that cannot be used."""
    if settings.driver == "alsa":
        from hw.sound.card import AlsaSound

        return AlsaSound(settings)
    if settings.driver == "wav":
        return WavSound(settings.wav_capture or None, settings.wav_playback or None, loop=settings.wav_loop)
    return WavSound()

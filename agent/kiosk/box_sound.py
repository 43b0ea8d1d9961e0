"""The sound device that the settings name."""

from __future__ import annotations

from typing import Protocol

from hw.sound.interface import Sound
from hw.sound.mixer import SoftMixer
from hw.sound.settings import SoundSettings
from hw.sound.wav_sound import WavSound


class BoxSound(Sound, Protocol):
    """What a box needs of its sound device: a call's port, and the volume's (`hw.sound.volume.Adjustable`)."""

    @property
    def mixer(self) -> SoftMixer:
        """Its tones and rings."""

    @property
    def playback_name(self) -> str:
        """What plays now, by its full name; empty without a card."""

    @property
    def bell_name(self) -> str:
        """What only rings, likewise; empty where the speaker does."""

    def set_gain(self, gain: float) -> None:
        """Set the gain of the far end."""


def open_sound(settings: SoundSettings) -> BoxSound:
    """Make the device of `[sound]`; it is not started. Raises ToneError for a file that cannot be used."""
    if settings.driver == "alsa":
        from hw.sound.card import AlsaSound

        return AlsaSound(settings)
    if settings.driver == "wav":
        return WavSound(settings.wav_capture or None, settings.wav_playback or None, loop=settings.wav_loop)
    return WavSound()

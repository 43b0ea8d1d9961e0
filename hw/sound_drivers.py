"""The sound device that the settings ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hw.errors import SoundError
from hw.sound_settings import SoundSettings
from hw.virtual import WavSound

if TYPE_CHECKING:
    from hw.sound import AlsaSound


def make_sound(settings: SoundSettings) -> AlsaSound | WavSound:
    """An unstarted device; SoundError or ToneError when it cannot even be made. A missing card is no error."""
    if settings.driver == "none":
        return WavSound()
    if settings.driver == "wav":
        return WavSound(settings.wav_capture or None, settings.wav_playback or None, loop=settings.wav_loop)
    try:
        from hw.sound import AlsaSound
    except ImportError as error:
        raise SoundError(f"PyAudio cannot be loaded ({error}): install libportaudio2 and PyAudio") from error
    return AlsaSound(settings)

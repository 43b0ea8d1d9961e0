"""The sound card, and everything between it and the call: tones, echo canceller, volume.

`from hw.sound import AlsaSound, WavSound`: what a call listens to and speaks through. They are loaded when they are
asked for, because PortAudio is not needed by whoever only reads the settings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hw.sound.card import AlsaSound
    from hw.sound.wav_sound import WavSound

__all__ = ["AlsaSound", "WavSound"]


def __getattr__(name: str) -> Any:
    if name == "AlsaSound":
        from hw.sound.card import AlsaSound

        return AlsaSound
    if name == "WavSound":
        from hw.sound.wav_sound import WavSound

        return WavSound
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

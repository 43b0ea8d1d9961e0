"""Every error that the hardware package raises."""

from __future__ import annotations


class HardwareError(Exception):
    """Root of the tree; the message says what happened and what to do."""


class PinError(HardwareError):
    """A pin cannot be opened, is used twice or does not exist on this board."""


class SoundError(HardwareError):
    """A sound card cannot be used."""


class SoundDeniedError(SoundError):
    """The user of this process may not open the sound card (is it in the `audio` group?)."""


class ToneError(HardwareError):
    """A sound file or a cadence cannot be used."""

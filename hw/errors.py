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


class SoundWedgedError(SoundError):
    """The sound server does not answer; only a new process can use sound again."""


class ToneError(HardwareError):
    """A sound file or a cadence cannot be used."""


class SettingError(HardwareError, ValueError):
    """A text in the settings cannot be understood; the message says what is possible."""


class ActionError(SettingError):
    """A button is bound to something that is not an action."""


class PatternError(SettingError):
    """A light is given something that is not a pattern."""

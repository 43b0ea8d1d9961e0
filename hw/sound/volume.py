"""How loud the box is: the sound card's own mixer where it has one (pyalsaaudio), software gain otherwise.

The mixer of a card goes with the card, so `apply` is called again whenever the sound becomes OPEN.
"""

from __future__ import annotations

import logging
import re
from datetime import datetime
from typing import Any, Protocol

from hw.sound.alsa_quiet import silence_alsa
from hw.sound.mixer import SoftMixer
from hw.sound.quiet_hours import QuietHours
from hw.sound.settings import SoundSettings

log = logging.getLogger(__name__)

# Which control a card calls its speaker differs; the first of these that can be set is taken.
_USUAL_CONTROLS = ("Speaker", "PCM", "Master", "Headphone", "Digital", "Line Out", "Playback")
_HARDWARE = re.compile(r"\(hw:(\d+),\d+\)|^[\w.-]+:CARD=(\w+)")


class Adjustable(Protocol):
    """A sound device with software gain: AlsaSound and WavSound."""

    @property
    def mixer(self) -> SoftMixer:
        """Its tones and rings."""

    @property
    def playback_name(self) -> str:
        """What plays now, by its full name; empty without a card."""

    def set_gain(self, gain: float) -> None:
        """Set the gain of the far end."""


def software_gain(percent: int) -> float:
    """Compute the gain of a volume: the square sounds even, and 100 leaves every sample as it is."""
    return (max(0, min(100, percent)) / 100) ** 2


def control_device(playback: str) -> str:
    """Name ALSA's mixer that belongs to a device: the card of hardware, the namesake of anything else."""
    match = _HARDWARE.search(playback)
    return f"hw:{match[1] or match[2]}" if match else playback


class CardMixer:
    """One playback control of one card."""

    def __init__(self, device: str, control: str = "") -> None:
        """Raises OSError or LookupError when the card has no such control, ImportError without pyalsaaudio."""
        import alsaaudio

        silence_alsa()
        self._failure: type[Exception] = alsaaudio.ALSAAudioError
        try:
            self._mixer = self._first_usable(alsaaudio, device, control)
        except alsaaudio.ALSAAudioError as error:
            raise OSError(f"the mixer of {device} cannot be opened: {error}") from error

    @staticmethod
    def _first_usable(alsaaudio: Any, device: str, control: str) -> Any:
        there = alsaaudio.mixers(device=device)
        for name in [control] if control else [name for name in _USUAL_CONTROLS if name in there]:
            mixer = alsaaudio.Mixer(name, device=device)
            if "Playback Volume" in mixer.volumecap() or "Volume" in mixer.volumecap():
                return mixer
        raise LookupError(f"the card of {device} has no such mixer control (it has: {', '.join(there) or 'none'})")

    def set(self, percent: int) -> None:
        """Set it on all channels; OSError when the card is gone."""
        try:
            self._mixer.setvolume(percent)
        except self._failure as error:
            raise OSError(str(error)) from error

    def get(self) -> int:
        """Read the percentage of the first channel."""
        self._mixer.handleevents()
        return int(self._mixer.getvolume()[0])


class Volume:
    """The volume of speaker and ring, in percent; starts as configured and forgets changes at the next start."""

    def __init__(self, settings: SoundSettings, sound: Adjustable) -> None:
        """Raises HardwareError for quiet hours that do not parse. Nothing is set before `apply`."""
        self._settings = settings
        self._sound = sound
        self._quiet = QuietHours.parse(settings.quiet_from, settings.quiet_to)
        self._card: CardMixer | None = None
        self.percent = settings.volume_percent

    @property
    def on_card(self) -> bool:
        """Whether the card's own mixer is used."""
        return self._card is not None

    def apply(self, playback: str = "") -> None:
        """Take what plays now, by its full name, and set the volume on it; again whenever sound becomes OPEN."""
        self._card = self._find(playback) if playback else None
        self._set()

    def change(self, steps: int) -> int:
        """Turn it up (or down) by so many presses; returns the new percentage."""
        return self.set(self.percent + steps * self._settings.volume_step_percent)

    def set(self, percent: int) -> int:
        """Set the speaker's volume, 0 to 100; what it was limited to."""
        self.percent = max(0, min(100, percent))
        self._set()
        return self.percent

    def before_ringing(self, now: datetime) -> int:
        """Set the ring's volume for this local time; its percentage, 0 when the box must not be heard."""
        quiet = self._quiet.hold_at(now.time())
        percent = self._settings.quiet_volume_percent if quiet else self._settings.ring_volume_percent
        self._sound.mixer.ring_gain = software_gain(percent)
        return percent

    def _set(self) -> None:
        if self._card is not None:
            try:
                self._card.set(self.percent)
            except OSError as error:
                log.warning("the card's mixer failed, volume is set by software from now on: %s", error)
                self._card = None
        gain = 1.0 if self._card is not None else software_gain(self.percent)
        self._sound.set_gain(gain)
        self._sound.mixer.gain = gain

    def _find(self, playback: str) -> CardMixer | None:
        wanted = self._settings.volume_control
        if wanted == "software":
            return None
        try:
            return CardMixer(control_device(playback), self._settings.mixer)
        except (ImportError, OSError, LookupError, ValueError) as error:  # ValueError: names that are not UTF-8
            log.log(logging.WARNING if wanted == "alsa" else logging.DEBUG, "volume is set by software: %s", error)
            return None

"""How loud the box is: the sound card's own mixer where it has one (pyalsaaudio), software gain otherwise.

The mixer of a card goes with the card, so `apply` is called again whenever the sound becomes OPEN.
"""

from __future__ import annotations

import logging
import re
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from hw.sound.alsa_quiet import silence_alsa
from hw.sound.mixer import SoftMixer
from hw.sound.quiet_hours import QuietHours
from hw.sound.settings import SoundSettings

log = logging.getLogger(__name__)

# Which control a card calls its speaker differs; the first of these that can be set is taken.
_USUAL_CONTROLS = ("Speaker", "PCM", "Master", "Headphone", "Digital", "Line Out", "Playback")
_MAIN_CONTROL = "Master"  # behind whichever control is used, where there is one
CARDS = Path("/proc/asound")
ROUNDING_PERCENT = 3  # as much another volume may be read than was set
_HARDWARE = re.compile(r"\(hw:(\d+),\d+\)|^[\w.-]+:CARD=(\w+)")


class Adjustable(Protocol):
    """A sound device with software gain: AlsaSound and WavSound."""

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


def software_gain(percent: int) -> float:
    """Compute the gain of a volume: the square sounds even, and 100 leaves every sample as it is."""
    return (max(0, min(100, percent)) / 100) ** 2


def control_device(playback: str) -> str:
    """Name ALSA's mixer that belongs to a device: the card of hardware, the namesake of anything else."""
    match = _HARDWARE.search(playback)
    return f"hw:{match[1] or _number(match[2])}" if match else playback


def _number(card: str) -> str:
    """The number of a card that is called by its name, so that a card has one name here."""
    try:
        return (CARDS / card).readlink().name.removeprefix("card")
    except OSError:
        return card


class CardMixer:
    """One playback control of one card, and the switches that can mute it.

    Those are its own, that of the main control, and those of controls that have nothing but a switch.
    """

    def __init__(self, device: str, control: str = "") -> None:
        """Raises OSError or LookupError when the card has no such control, ImportError without pyalsaaudio."""
        import alsaaudio

        silence_alsa()
        self._failure: type[Exception] = alsaaudio.ALSAAudioError
        try:
            self._mixer = self._first_usable(alsaaudio, device, control)
            self._switches = self._behind(alsaaudio, device, chosen=bool(control))
        except alsaaudio.ALSAAudioError as error:
            raise OSError(f"the mixer of {device} cannot be opened: {error}") from error

    @staticmethod
    def _first_usable(alsaaudio: Any, device: str, control: str) -> Any:
        there = alsaaudio.mixers(device=device)
        for name in [control] if control else [name for name in _USUAL_CONTROLS if name in there]:
            mixer = alsaaudio.Mixer(name, device=device)
            if _turns(mixer):
                return mixer
        raise LookupError(f"the card of {device} has no such mixer control (it has: {', '.join(there) or 'none'})")

    def _behind(self, alsaaudio: Any, device: str, chosen: bool) -> list[Any]:
        there = [name for name in _USUAL_CONTROLS if name in alsaaudio.mixers(device=device)]
        others = [alsaaudio.Mixer(name, device=device) for name in there if name != self._mixer.mixer()]
        behind = [one for one in others if one.mixer() == _MAIN_CONTROL or not (chosen or _turns(one))]
        return [one for one in (self._mixer, *behind) if _mutes(one)]

    def set(self, percent: int) -> None:
        """Set it on all channels, and end a mute unless it is 0; OSError when the card is gone."""
        try:
            self._mixer.setvolume(percent)
        except self._failure as error:
            raise OSError(str(error)) from error
        if percent:
            self.unmute()

    def unmute(self) -> None:
        """Turn on what is muted; OSError when the card is gone."""
        try:
            for switch in self._switches:
                switch.setmute(0)
        except self._failure as error:
            raise OSError(str(error)) from error

    def get(self) -> int:
        """Read the percentage of the first channel; OSError when the card is gone."""
        try:
            self._mixer.handleevents()
            return int(self._mixer.getvolume()[0])
        except self._failure as error:
            raise OSError(str(error)) from error

    @property
    def muted(self) -> bool:
        """Whether a switch keeps it silent; OSError when the card is gone."""
        try:
            for switch in self._switches:
                switch.handleevents()
            return any(all(switch.getmute()) for switch in self._switches)
        except self._failure as error:
            raise OSError(str(error)) from error


def _turns(mixer: Any) -> bool:
    return any(ability in mixer.volumecap() for ability in ("Playback Volume", "Volume"))


def _mutes(mixer: Any) -> bool:
    return any("Mute" in ability and "Capture" not in ability for ability in mixer.switchcap())


class Volume:
    """The volume of speaker and ring, in percent; starts as configured and forgets changes at the next start."""

    def __init__(self, settings: SoundSettings, sound: Adjustable) -> None:
        """Raises HardwareError for quiet hours that do not parse. Nothing is set before `apply`."""
        self._settings = settings
        self._sound = sound
        self._quiet = QuietHours.parse(settings.quiet_from, settings.quiet_to)
        self._by_card = settings.volume_control != "software"
        self._card: CardMixer | None = None  # also where it is not to be turned: it may be muted
        self._bell: CardMixer | None = None  # of a card that only rings; it keeps its own volume
        self._is_shared = False  # by a bell that must be heard whatever the speaker's volume
        self._seen_percent = -1  # what the card made of it
        self.percent = settings.volume_percent
        self.muted = False  #: whether the card is silent although the volume is not 0

    @property
    def on_card(self) -> bool:
        """Whether the card's own mixer is used; not where it would turn down the bell, too."""
        return self._by_card and self._card is not None and not self._is_shared

    @property
    def has_mixer(self) -> bool:
        """Whether there is a card that others can change the volume of."""
        return self._card is not None or self._bell is not None

    def apply(self, playback: str = "", bell: str = "") -> None:
        """Take what plays now and what only rings, by their full names; again whenever sound becomes OPEN.

        The volume is set on the first; a mute ends on both.
        """
        self._card = self._find(playback, self._settings.mixer) if playback else None
        self._is_shared = bool(bell) and control_device(bell) == control_device(playback)
        self._bell = self._find(bell, "") if bell and not self._is_shared else None
        if self._is_shared and self._by_card and self._card is not None:
            self._fill()
        self._set()

    def change(self, steps: int) -> int:
        """Turn it up (or down) by so many presses; returns the new percentage."""
        return self.set(self.percent + steps * self._settings.volume_step_percent)

    def set(self, percent: int) -> int:
        """Set the speaker's volume, 0 to 100; what it was limited to."""
        self.percent = max(0, min(100, percent))
        self._set()
        return self.percent

    def look(self) -> None:
        """Read from the card what somebody else did to its volume and its mute."""
        muted = self._bell_is_muted()
        if self._card is not None:
            try:
                percent, silent = self._card.get(), self._card.muted
            except OSError as error:
                self._lost(error)
                self._set()
                return
            if self.on_card and percent != self._seen_percent and abs(percent - self.percent) > ROUNDING_PERCENT:
                self.percent = percent
            self._seen_percent = percent
            muted |= silent and (self.percent > 0 or self._is_shared)
        self.muted = muted

    def before_ringing(self, now: datetime) -> int:
        """Set the ring's volume for this local time; its percentage, 0 when the box must not be heard."""
        quiet = self._quiet.hold_at(now.time())
        percent = self._settings.quiet_volume_percent if quiet else self._settings.ring_volume_percent
        self._sound.mixer.ring_gain = software_gain(percent)
        return percent

    def _set(self) -> None:
        muted = self._bell_is_muted(after_unmuting=True)
        if self._card is not None:
            try:
                self._card.set(self.percent) if self.on_card else self._card.unmute()
                self._seen_percent = self._card.get()
                muted |= (self.percent > 0 or self._is_shared) and self._card.muted
            except OSError as error:
                self._lost(error)
        self.muted = muted
        gain = 1.0 if self.on_card else software_gain(self.percent)
        self._sound.set_gain(gain)
        self._sound.mixer.gain = gain

    def _fill(self) -> None:
        """Leave all turning down to the gains of speaker and ring."""
        try:
            if self._card is not None:
                self._card.set(100)
        except OSError as error:
            self._lost(error)

    def _bell_is_muted(self, *, after_unmuting: bool = False) -> bool:
        try:
            if self._bell is not None and after_unmuting:
                self._bell.unmute()
            return self._bell is not None and self._bell.muted
        except OSError as error:
            log.warning("the mixer of the card that rings failed: %s", error)
            self._bell = None
            return False

    def _lost(self, error: OSError) -> None:
        log.warning("the card's mixer failed, volume is set by software from now on: %s", error)
        self._card = None

    def _find(self, device: str, control: str) -> CardMixer | None:
        try:
            return CardMixer(control_device(device), control)
        except (ImportError, OSError, LookupError, ValueError) as error:  # ValueError: no UTF-8
            demanded = self._settings.volume_control == "alsa"
            log.log(logging.WARNING if demanded else logging.DEBUG, "volume is set by software: %s", error)
            return None

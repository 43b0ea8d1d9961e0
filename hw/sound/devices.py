"""Which of the devices that PortAudio lists is meant by a name. Pure.

Numbers of devices and cards change with every plugging, so a device is always named: wholly, in part, as ALSA names
it (`hw:1,0`, `plughw:CARD=Device,DEV=0`), or `default`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from hw.errors import SoundError

_ALSA_NAME = re.compile(r"^(?:plug)?hw:(?:CARD=)?(?P<card>\w+)(?:,(?:DEV=)?(?P<device>\d+))?$")


class SoundDevice(NamedTuple):
    """One device as PortAudio lists it."""

    number: int
    name: str
    inputs: int
    outputs: int
    rate_hz: int

    def has(self, capture: bool) -> bool:
        """Whether it can capture (or play)."""
        return (self.inputs if capture else self.outputs) > 0


def find_device(devices: Sequence[SoundDevice], wanted: str, capture: bool, cards: Mapping[str, int]) -> SoundDevice:
    """The device named `wanted`; SoundError lists those that exist. `cards` maps ALSA card ids to numbers."""
    usable = [device for device in devices if device.has(capture)]
    pattern = _alsa_pattern(wanted, cards)
    for matches in (
        lambda name: name == wanted,
        lambda name: pattern is not None and pattern in name,
        lambda name: pattern is None and wanted != "default" and wanted.lower() in name.lower(),
    ):
        for device in usable:
            if matches(device.name):
                return device
    if wanted == "default" and usable:
        return usable[0]
    raise SoundError(_not_found(devices, usable, wanted, capture))


def _alsa_pattern(wanted: str, cards: Mapping[str, int]) -> str | None:
    """What PortAudio's name of this hardware ends with: `(hw:1,0)`."""
    match = _ALSA_NAME.match(wanted)
    if match is None:
        return None
    number = match["card"] if match["card"].isdigit() else str(cards.get(match["card"], match["card"]))
    return f"(hw:{number},{match['device'] or 0})"


def _not_found(devices: Sequence[SoundDevice], usable: Sequence[SoundDevice], wanted: str, capture: bool) -> str:
    what = "microphone" if capture else "speaker"
    there = ", ".join(device.name for device in usable) or "none"
    for device in devices:
        if wanted != "default" and wanted.lower() in device.name.lower():
            cannot = "capture" if capture else "play"
            return f"{device.name} cannot {cannot}, or another program uses it (each {what} that can: {there})"
    return f"there is no {what} called {wanted!r} (there are: {there})"

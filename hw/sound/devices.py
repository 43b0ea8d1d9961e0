"""Which of the devices that PortAudio lists is meant by a name. Pure.

Numbers of devices and cards change with every plugging, so a device is always named: wholly, in part, as ALSA names
it (`hw:1,0`, `plughw:CARD=Device,DEV=0`, `sysdefault:CARD=vc4hdmi0`), or `default`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from hw.errors import SoundError

DEFAULT = "default"

_ALSA_NAME = re.compile(r"(?P<base>[A-Za-z][\w.-]*):(?P<arguments>[^\s()]+)")
_LISTED = re.compile(r"\(hw:(?P<card>\d+),(?P<device>\d+)\)")  # PortAudio's names of hardware end so
_DIGITAL = {"hdmi": "hdmi", "iec958": "iec958|s/?pdif|digital"}  # their DEV counts the card's outputs of that kind


class SoundDevice(NamedTuple):
    """One device as PortAudio lists it."""

    number: int
    name: str
    inputs: int
    outputs: int
    rate_hz: int

    def has(self, capture: bool) -> bool:
        """Tell whether it can capture (or play)."""
        return (self.inputs if capture else self.outputs) > 0


def find_device(
    devices: Sequence[SoundDevice], wanted: str, capture: bool, cards: Mapping[str, int], *, alone: bool = False
) -> SoundDevice:
    """Find the device named `wanted`; SoundError lists those that exist. `cards` maps ALSA card ids to numbers.

    `alone`: nothing is wanted in the other direction, so `default` need not be able to do both.
    """
    usable = [device for device in devices if device.has(capture)]
    if wanted == DEFAULT:
        return _default(devices, usable, capture, alone)
    for device in _matches(usable, wanted, cards):
        return device
    raise SoundError(_not_found(devices, usable, wanted, capture))


def _matches(usable: Sequence[SoundDevice], wanted: str, cards: Mapping[str, int]) -> Iterator[SoundDevice]:
    """Yield what is meant, the best first: by its whole name, as ALSA means it, by a part of its name."""
    yield from (device for device in usable if device.name == wanted)
    if alsa := _ALSA_NAME.fullmatch(wanted):
        yield from _of_alsa(usable, alsa["base"], alsa["arguments"], cards)
    elif wanted:
        yield from (device for device in usable if wanted.lower() in device.name.lower())


def _of_alsa(
    usable: Sequence[SoundDevice], base: str, arguments: str, cards: Mapping[str, int]
) -> Iterator[SoundDevice]:
    """Yield the hardware behind a name of ALSA's: `plughw:CARD=Device,DEV=0`, `hw:1,0`, `hdmi:CARD=vc4hdmi0`."""
    given = _arguments(arguments)
    card, number = given.get("CARD", ""), given.get("DEV", "0")
    card = card if card.isdigit() else str(cards.get(card, card))
    there = [(device, at) for device in usable if (at := _LISTED.search(device.name)) and at["card"] == card]
    if kind := _DIGITAL.get(base):
        digital = [device for device, _ in there if re.search(kind, device.name, re.IGNORECASE)]
        yield from digital[int(number) if number.isdigit() else 0 :][:1]
    yield from (device for device, at in there if at["device"] == number)


def _arguments(text: str) -> dict[str, str]:
    """Read `1,0`, `CARD=Device,DEV=0` or a mixture, as ALSA does."""
    given = {}
    for name, part in zip(("CARD", "DEV", "SUBDEV"), text.split(","), strict=False):
        key, equals, value = part.partition("=")
        given[key if equals else name] = (value if equals else key).strip("'\"")
    return given


def _default(devices: Sequence[SoundDevice], usable: Sequence[SoundDevice], capture: bool, alone: bool) -> SoundDevice:
    """Choose what captures and plays together: a microphone of one card and the speaker of another are strangers."""
    named = next((device for device in usable if device.name == DEFAULT), None)
    if named is not None and (alone or named.has(not capture)):
        return named
    for device in usable:
        if any(_are_one(device, other) and other.has(not capture) for other in devices):
            return device
    what, other = ("microphone", "speaker") if capture else ("speaker", "microphone")
    if usable and (alone or not any(device.has(not capture) for device in devices)):
        return named or usable[0]
    if not usable:
        raise SoundError(_not_found(devices, usable, DEFAULT, capture))
    there = ", ".join(device.name for device in usable)
    raise SoundError(
        f"no card has both a microphone and a speaker, so there is no default {what}: name it, and the {other} "
        f"(each {what}: {there})"
    )


def _are_one(device: SoundDevice, other: SoundDevice) -> bool:
    """Tell whether two belong to one card."""
    mine, its = _LISTED.search(device.name), _LISTED.search(other.name)
    return device == other or (mine is not None and its is not None and mine["card"] == its["card"])


def _not_found(devices: Sequence[SoundDevice], usable: Sequence[SoundDevice], wanted: str, capture: bool) -> str:
    what = "microphone" if capture else "speaker"
    there = ", ".join(device.name for device in usable) or "none"
    for device in devices:
        if wanted != DEFAULT and wanted.lower() in device.name.lower():
            cannot = "capture" if capture else "play"
            return f"{device.name} cannot {cannot}, or another program uses it (each {what} that can: {there})"
    return f"there is no {what} called {wanted!r} (there are: {there})"

"""What the live calls on one sound device want of its microphone: the latest has its will, who ends leaves it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from hw.sound.interface import Sound

Constraints = Mapping[str, Any]


class CaptureWishes:
    """The constraints of the calls on one device, by call, the latest at the end; hub only."""

    def __init__(self) -> None:
        self._of: dict[int, Constraints | None] = {}

    def take(self, sound: Sound, call: object, constraints: Constraints | None) -> None:
        """Let the device do as this call wants. Raises what `Sound.configure` raises."""
        self._of.pop(id(call), None)
        self._of[id(call)] = constraints
        sound.configure(constraints)

    def give_back(self, sound: Sound, call: object) -> None:
        """Let the device do again as the call wants that is then the latest; idempotent."""
        was_latest = next(reversed(self._of), None) == id(call)
        self._of.pop(id(call), None)
        if was_latest and self._of:
            sound.configure(next(reversed(self._of.values())))


_wishes: WeakKeyDictionary[Sound, CaptureWishes] = WeakKeyDictionary()


def wishes_of(sound: Sound) -> CaptureWishes:
    """Return those of a device."""
    return _wishes.setdefault(sound, CaptureWishes())

"""gpiozero's pins without its devices, colours and boards, which take 2 MB.

All others of this program take gpiozero from here, so that it is imported here first.
"""

from __future__ import annotations

from hw.light_import import LaterMetadata, bare, standing_in

with standing_in(LaterMetadata()), standing_in(bare("gpiozero")):
    from gpiozero.exc import GPIOZeroError, PinFixedPull, PinInvalidFunction, PinPWMUnsupported, PinSetInput
    from gpiozero.pins.local import LocalPiFactory, LocalPiPin
    from gpiozero.pins.mock import MockFactory, MockPin, MockPWMPin

__all__ = [
    "GPIOZeroError", "LocalPiFactory", "LocalPiPin", "MockFactory", "MockPWMPin", "MockPin", "PinFixedPull",
    "PinInvalidFunction", "PinPWMUnsupported", "PinSetInput",
]  # fmt: skip

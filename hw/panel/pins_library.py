"""gpiozero's pins without its devices, colours and boards, which take 3 MB.

All others of this program take gpiozero from here, so that it is imported here first.
"""

from __future__ import annotations

from hw.light_import import Later, bare, later_metadata, standing_in

# What drives a bus of SPI by software, and an average of measured values: nothing here has either.
_DEVICES = Later("gpiozero.input_devices"), Later("gpiozero.output_devices"), Later("statistics", "median")

with standing_in(later_metadata()), standing_in(bare("gpiozero")), standing_in(*_DEVICES):
    from gpiozero.exc import GPIOZeroError, PinFixedPull, PinInvalidFunction, PinPWMUnsupported, PinSetInput
    from gpiozero.pins.local import LocalPiFactory, LocalPiPin
    from gpiozero.pins.mock import MockFactory, MockPin, MockPWMPin

__all__ = [
    "GPIOZeroError", "LocalPiFactory", "LocalPiPin", "MockFactory", "MockPWMPin", "MockPin", "PinFixedPull",
    "PinInvalidFunction", "PinPWMUnsupported", "PinSetInput",
]  # fmt: skip

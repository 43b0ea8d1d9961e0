"""gpiozero's pins over lgpio, opened on a chip that was found by its label; loaded only where there is such a chip."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gpiozero.exc import GPIOZeroError

from hw.errors import PinError
from hw.panel.chips import Chip

_STAND_IN_REVISION = 0xA02082  # a Pi 3B; lends its pin numbers to boards that are not a Pi


@contextmanager
def _elsewhere() -> Iterator[None]:
    """lgpio leaves a FIFO in the working directory when it is imported; let that be one that may be written."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory(dir=os.environ.get("RUNTIME_DIRECTORY")) as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


with _elsewhere():
    import lgpio
    from gpiozero.pins.lgpio import LGPIOFactory, LGPIOPin


class _Pin(LGPIOPin):  # type: ignore[misc]
    def output_with_state(self, state: bool) -> None:
        # Two steps, as in the base class, would close an active-low relay for a moment.
        lgpio.gpio_claim_output(self.factory._handle, self._number, int(state))


class _Factory(LGPIOFactory):  # type: ignore[misc]
    def __init__(self, chip: int) -> None:
        super().__init__(chip)
        self.pin_class = _Pin

    def _get_revision(self) -> int:
        try:
            return int(super()._get_revision())
        except GPIOZeroError:
            return _STAND_IN_REVISION


def open_chip(chip: Chip) -> _Factory:
    """Open gpiozero's factory for the pins of `chip`; PinError."""
    try:
        return _Factory(chip.number)
    except Exception as error:  # lgpio raises a class of its own, directly below Exception
        raise PinError(f"/dev/gpiochip{chip.number} ({chip.label}) cannot be opened: {error}") from error

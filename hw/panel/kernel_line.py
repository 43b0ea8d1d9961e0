"""One output line of the kernel, and nothing else: light enough for a process of its own."""

from __future__ import annotations

import gpiod
from gpiod import LineSettings
from gpiod.line import Direction, Value

_CONSUMER = "kiosk-agent door"  #: what `gpioinfo` shows


class KernelLine:
    """A claimed output that is off from its first moment on; OSError where the kernel refuses."""

    def __init__(self, chip: str, line: int, *, active_low: bool) -> None:
        """`chip` is the path of the chip, `line` the offset on it."""
        self._line = line
        off = LineSettings(direction=Direction.OUTPUT, active_low=active_low, output_value=Value.INACTIVE)
        self._request = gpiod.request_lines(chip, {line: off}, consumer=_CONSUMER)

    def set(self, on: bool) -> None:
        """Drive it."""
        self._request.set_value(self._line, Value(int(on)))

    def release(self) -> None:
        """Let the line go."""
        self._request.release()

"""Dims outputs by switching them on and off faster than the eye sees: one native thread for all of a board.

The thread sleeps while every output is wholly on or off.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from itertools import groupby
from typing import Protocol, TypeVar

from hw.closing import Closing

log = logging.getLogger(__name__)

PWM_HZ = 100
PERIOD_S = 1 / PWM_HZ


class Output(Protocol):
    """What is dimmed."""

    def write(self, level: bool) -> None:
        """Drive high or low; OSError when the chip is gone."""


AnyOutput = TypeVar("AnyOutput")


def plan_period(duties: Mapping[AnyOutput, float]) -> list[tuple[float, bool, list[AnyOutput]]]:
    """Plan one period for those outputs that are neither on nor off: (when in it in seconds, level, which)."""
    dimmed = sorted(((duty, output) for output, duty in duties.items() if 0 < duty < 1), key=lambda pair: pair[0])
    if not dimmed:
        return []
    ends = groupby(dimmed, key=lambda pair: pair[0])
    return [
        (0.0, True, [output for _, output in dimmed]),
        *((duty * PERIOD_S, False, [output for _, output in group]) for duty, group in ends),
    ]


class Dimmer(Closing):
    """Drives each output at its duty, 0 to 1, until it is forgotten."""

    def __init__(self) -> None:
        self._duties: dict[Output, float] = {}
        self._changed = threading.Condition()  # held while an output is written: who is forgotten is written no more
        self._thread: threading.Thread | None = None
        self._ended = False

    def set(self, output: Output, duty: float) -> None:
        """Drive `output` at `duty` from now on; any thread. An OSError of the output comes through."""
        with self._changed:
            self._duties[output] = duty
            if duty in (0, 1):
                output.write(bool(duty))
            elif self._thread is None:
                self._thread = threading.Thread(target=self._run, name="pin-dimmer", daemon=True)
                self._thread.start()
            self._changed.notify()

    def forget(self, output: Output) -> None:
        """Leave `output` as it is now; idempotent."""
        with self._changed:
            self._duties.pop(output, None)

    def close(self) -> None:
        """End the thread; idempotent."""
        with self._changed:
            self._ended = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        begin = 0.0
        while steps := self._next_period():
            begin = max(begin, time.monotonic())  # late on is late off: the brightness stays
            for at_s, level, outputs in steps:
                _sleep_until(begin + at_s)
                self._write(outputs, level)
            begin += PERIOD_S
            _sleep_until(begin)

    def _next_period(self) -> list[tuple[float, bool, list[Output]]]:
        """What to do in the next period, once there is something; empty at the end."""
        with self._changed:
            while not self._ended:
                if steps := plan_period(self._duties):
                    return steps
                self._changed.wait()
        return []

    def _write(self, outputs: list[Output], level: bool) -> None:
        with self._changed:
            for output in outputs:
                if 0 < self._duties.get(output, 0) < 1:
                    self._try(output, level)

    def _try(self, output: Output, level: bool) -> None:
        try:
            output.write(level)
        except OSError as error:
            del self._duties[output]
            log.warning("a dimmed light stays as it is: %s", error)


def _sleep_until(at: float) -> None:
    time.sleep(max(0.0, at - time.monotonic()))

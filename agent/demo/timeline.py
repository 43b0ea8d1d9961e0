"""The timeline that a demonstration prints: who did what, after how many milliseconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any, TextIO

from agent.demo.lamps import lamps
from agent.log import excerpt
from agent.terminal import say


class DemoTimeline:
    """Prints one line a moment, with the milliseconds since it was made."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self._began_s = time.monotonic()
        self._drawn = ""
        self.moments: list[tuple[float, str, str, str]] = []

    def note(self, who: str, what: str, detail: str = "") -> None:
        """Record and print a moment."""
        ms = (time.monotonic() - self._began_s) * 1000
        self.moments.append((ms, who, what, detail))
        say(f"{ms:8.0f} ms  {who:<11} {what:<14} {excerpt(detail, 80)}".rstrip(), to=self._out)

    def draw(self, lights: Mapping[str, Mapping[str, Any]]) -> None:
        """Print what the lights show (`hw.panel.lights.Lights.describe`), if it is something else than before."""
        drawn = lamps(lights)
        if drawn != self._drawn:
            self._drawn = drawn
            say(f"{'':>13}{'lights':<11} {drawn}", to=self._out)

    def ms_of(self, who: str, what: str) -> float | None:
        """Tell when `who` first did `what`; None if it never happened."""
        return next((ms for ms, by, did, _ in self.moments if (by, did) == (who, what)), None)

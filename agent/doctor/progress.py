"""Shows which check is being made, while it takes longer than a moment."""

from __future__ import annotations

import threading
from typing import TextIO

from agent.closing import Closing

FIRST_S, AGAIN_S = 0.7, 2.0


class Progress(Closing):
    """Tells `out` what is being tested; a native thread, because a check may hold up the hub.

    On a terminal one line is written over again and is gone at the end; elsewhere each is a line of its own.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._shown = False
        self._over: threading.Event | None = None

    def begin(self, name: str) -> None:
        """Begin with another check."""
        self.close()
        over = self._over = threading.Event()
        threading.Thread(target=self._tell, args=(name, over), name="doctor-progress", daemon=True).start()

    def close(self) -> None:
        """End the present one; idempotent."""
        if self._over is not None:
            self._over.set()
            self._over = None
        if self._shown and self._out.isatty():
            self._write("\r\x1b[K")
        self._shown = False

    def _tell(self, name: str, over: threading.Event) -> None:
        passed_s, wait_s = 0.0, FIRST_S
        while not over.wait(wait_s):
            passed_s, wait_s = passed_s + wait_s, AGAIN_S
            self._shown = True
            line = f"testing  {name:<16} {passed_s:.0f} s"
            self._write(f"\r{line}" if self._out.isatty() else f"{line}\n")

    def _write(self, text: str) -> None:
        try:
            self._out.write(text)
            self._out.flush()
        except (OSError, ValueError):  # nobody looks any more
            if self._over is not None:
                self._over.set()

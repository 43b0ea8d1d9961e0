"""Time as a part that can be replaced. Everything that waits takes a `Clock`; tests pass one that they move by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Timer(Protocol):
    """Something that will happen once."""

    def cancel(self) -> None:
        """Make sure it does not happen; idempotent."""


class Clock(Protocol):
    """Where the time comes from and who calls back."""

    def now(self) -> float:
        """Monotonic seconds."""

    def call_later(self, delay_s: float, fn: Callable[..., Any], *args: Any) -> Timer:
        """Call `fn(*args)` once in a greenlet of its own after `delay_s`; 0 means the hub's next turn."""

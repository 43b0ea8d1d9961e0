"""The one dialect of every core and its shell.

    core     takes an event and `now`, changes itself completely, and returns effects, in order
    shell    hands the effects to an EffectQueue, which carries them out, one after the other

A core knows no clock, no socket and no hub. Effects are small frozen dataclasses. One that fails is one more event.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

IN_A_ROW = 1000  #: effects carried out before others get their turn

E = TypeVar("E")


class EffectQueue(Generic[E]):
    """Carries effects out in the order in which they came, never one inside another.

    What comes up while one is carried out waits behind those that are due already. A listener that answers each
    effect with another one keeps nobody else waiting: after IN_A_ROW of them the rest goes on `later`.
    """

    def __init__(self, carry_out: Callable[[E], Any], later: Callable[[Callable[[], None]], Any]) -> None:
        """`later(fn)` calls `fn()` after a pause in which others get their turn."""
        self._carry_out = carry_out
        self._later = later
        self._due: deque[E] = deque()
        self._is_busy = False

    def run(self, effects: Iterable[E]) -> None:
        """Carry these out, now or behind those that are being carried out."""
        self._due.extend(effects)
        if not self._is_busy:
            self._go_on()

    def _go_on(self) -> None:
        if self._is_busy:
            return
        self._is_busy = True
        try:
            for _ in range(IN_A_ROW):
                if not self._due:
                    return
                self._carry_out(self._due.popleft())
        finally:  # also when the greenlet is ended in the middle: the others must not wait for it
            self._is_busy = False
            if self._due:
                self._later(self._go_on)

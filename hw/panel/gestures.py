"""From presses and releases to gestures: pure, on time.

Nothing is decided before it is certain: a short press after its release (and, where a double is wanted, after
the time for a second press has passed), a long one after its time, never both (gpiozero#685). Each press is
followed by exactly one release and counts for exactly one gesture. Which gestures somebody wants changes
only the waiting: `short` comes at once where nobody waits for `double`, `long` fires under the finger where nobody
waits for `held`, and a slow finger still gives `short` where nobody wants anything longer.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum, auto

GESTURES = ("short", "long", "double", "held", "press", "release")
STUCK = "stuck"


@dataclass(frozen=True)
class GestureTiming:
    """Times in seconds: from when on a press is long, held or stuck, and how long a second press may take."""

    long_s: float = 0.8
    held_s: float = 3.0
    double_s: float = 0.35
    stuck_s: float = 60.0


class PressState(Enum):
    """Where the finger is."""

    IDLE = auto()
    DOWN = auto()  # pressed, not decided
    BETWEEN = auto()  # released once, a second press may come
    AGAIN = auto()  # pressed a second time
    SPENT = auto()  # pressed, and decided already
    FOUND = auto()  # pressed before anybody looked


class Gestures:
    """Classifies the presses of one button; every method returns the gestures that are now certain, in order."""

    def __init__(self, wanted: Collection[str] = GESTURES, timing: GestureTiming | None = None) -> None:
        self.state = PressState.IDLE
        self._wanted = frozenset(wanted)
        self._timing = timing or GestureTiming()
        self._since = 0.0  # of the press, or of the release while BETWEEN
        self._stuck = False

    @property
    def due(self) -> float:
        """When `tick` must be called at the latest; infinite when nothing is pending."""
        if self.state is PressState.BETWEEN:
            return self._since + self._timing.double_s
        if self.state in (PressState.DOWN, PressState.AGAIN):
            return self._since + min(self._decided_after_s, self._timing.stuck_s)
        pressed = self.state in (PressState.SPENT, PressState.FOUND)
        return self._since + self._timing.stuck_s if pressed and not self._stuck else math.inf

    def press(self, now: float) -> list[str]:
        """A finger came down."""
        done = self.tick(now)
        self.state = PressState.AGAIN if self.state is PressState.BETWEEN else PressState.DOWN
        self._since, self._stuck = now, False
        return [*done, "press"]

    def release(self, now: float) -> list[str]:
        """The finger left."""
        done = self.tick(now)
        was, self.state = self.state, PressState.IDLE
        if was in (PressState.DOWN, PressState.AGAIN):
            done += self._classify(now, again=was is PressState.AGAIN)
        return done if was is PressState.FOUND else [*done, "release"]

    def found_pressed(self, now: float) -> None:
        """The button was down before anybody looked: it counts for nothing, and its release neither."""
        self.state, self._since, self._stuck = PressState.FOUND, now, False

    def tick(self, now: float) -> list[str]:
        """Time has passed."""
        done: list[str] = []
        while now >= self.due:
            done += self._expire()
        return done

    @property
    def _decided_after_s(self) -> float:
        if "held" in self._wanted:
            return self._timing.held_s
        return self._timing.long_s if "long" in self._wanted else math.inf

    def _expire(self) -> list[str]:
        if self.state is PressState.BETWEEN:
            self.state = PressState.IDLE
            return ["short"]
        first = ["short"] if self.state is PressState.AGAIN else []
        if self.state in (PressState.SPENT, PressState.FOUND):
            self._stuck = True
            return [STUCK]
        self.state = PressState.SPENT
        if self._timing.stuck_s <= self._decided_after_s:
            self._stuck = True
            return [*first, STUCK]
        return [*first, "held" if "held" in self._wanted else "long"]

    def _classify(self, now: float, again: bool) -> list[str]:
        if "long" in self._wanted and now - self._since >= self._timing.long_s:
            return ["short", "long"] if again else ["long"]
        if again:
            return ["double"]
        if "double" in self._wanted:
            self.state, self._since = PressState.BETWEEN, now
            return []
        return ["short"]

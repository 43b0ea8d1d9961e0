"""Signs of life: a part that works says so, and whoever watches it reads how long ago that was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

_Now = Callable[[], float]


class Heartbeat:
    """Beaten by a part whenever it made progress; any thread."""

    def __init__(self, clock: _Now = monotonic) -> None:
        self._clock = clock
        self._last = clock()

    def beat(self) -> None:
        """Note progress."""
        self._last = self._clock()

    def age_s(self) -> float:
        """Return the seconds since the last progress."""
        return self._clock() - self._last


@dataclass(frozen=True)
class Vital:
    """One sign of life that must stay fresh: `age_s()` beyond `limit_s` means stalled."""

    name: str
    age_s: Callable[[], float]
    limit_s: float

    @property
    def stalled(self) -> bool:
        """Whether the last progress is too long ago."""
        return self.age_s() > self.limit_s


class Vitals:
    """All signs of life that the process is judged by."""

    def __init__(self) -> None:
        self._vitals: dict[str, Vital] = {}

    def add(self, name: str, age_s: Callable[[], float], limit_s: float) -> None:
        """Watch one more part; a name that is there already is replaced."""
        self._vitals[name] = Vital(name, age_s, limit_s)

    def remove(self, name: str) -> None:
        """Stop watching a part; unknown names are ignored."""
        self._vitals.pop(name, None)

    def stalled(self) -> list[str]:
        """Name what stands still, in words; empty when all is well."""
        return [f"{vital.name} ({vital.age_s():.1f} s)" for vital in self._vitals.values() if vital.stalled]

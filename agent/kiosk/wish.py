"""What somebody who presses a bell wants: one of these, each for so long, one after the other. Pure.

The steps of an entry are its targets, together or in turn, and then those of its fallback. A step ends when its time is
up, and at once when it is refused, busy or cannot be reached; then the next one is called. An answer, or a press that
hangs up, ends them all: nobody asks for what is left then.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from agent.config.directory import ALL, Entries, chain

PACE_S = 0.3  # from one step to the next at least: a service refuses whoever calls faster for long


class Step(NamedTuple):
    """Whom to call, with commas between several that ring together, and for how long; None is for ever."""

    to: str
    ring_s: float | None


def steps_of(entries: Entries, whom: str, now: datetime, ring_s: float | None) -> tuple[Step, ...]:
    """Return the steps of an entry at this local time; `ring_s` is the time of whoever is in no entry."""
    if whom not in entries:
        return (Step(whom, ring_s),)
    steps = []
    for name in chain(entries, whom):
        entry = entries[name]
        targets = entry.targets_at(now)
        groups = (",".join(targets),) if entry.ring == ALL else targets
        steps += [Step(group, entry.ring_s) for group in groups]
    return tuple(steps)


@dataclass(frozen=True)
class Wish:
    """A call to the first of `steps`, and to the others when it comes to nothing; times are monotonic seconds."""

    steps: tuple[Step, ...]
    params: Mapping[str, str] = field(repr=False)  # beside `To`
    begun_s: float
    patience_s: float  # with a connection to the service that is lost meanwhile

    @property
    def to(self) -> str:
        """Whom it calls now."""
        return self.steps[0].to

    @property
    def ring_s(self) -> float | None:
        """How long that may ring; None is for ever."""
        return self.steps[0].ring_s

    def all_params(self) -> dict[str, str]:
        """Return the parameters of the call."""
        return {"To": self.to, **self.params}

    def is_patient(self, now: float) -> bool:
        """Tell whether a call that was lost with its connection is worth another try."""
        return now < self.begun_s + self.patience_s

    def next(self, now: float) -> Wish | None:
        """Return what is left when nobody has answered this step; None when there is nothing."""
        if len(self.steps) < 2:
            return None
        return replace(self, steps=self.steps[1:], begun_s=max(now, self.begun_s + PACE_S))

"""What is counted from the start of the program on. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from agent.house.happenings import Happening

#: Upper limits of the classes into which each second of a call falls by its MOS.
MOS_LIMITS: Sequence[float] = (2.0, 2.5, 3.0, 3.5, 4.0, 4.3, 5.0)
_SIGNALING_LOST = 53001


class HouseCounts:
    """Calls by outcome, recoveries by cause, rings, openings, seconds of talk by their quality."""

    def __init__(self) -> None:
        self.calls: Counter[tuple[str, str]] = Counter()
        self.talk_s: Counter[str] = Counter()
        self.recoveries: Counter[str] = Counter({"signaling": 0, "media": 0})
        self.happenings: Counter[str] = Counter({"ring": 0, "door": 0, "door_refused": 0, "offline": 0, "trouble": 0})
        self.mos: list[int] = [0] * len(MOS_LIMITS)
        self.mos_sum = 0.0

    def happened(self, happening: Happening) -> None:
        """Count one happening."""
        if happening.name in self.happenings:
            self.happenings[happening.name] += 1
        if happening.name == "hung_up":
            direction = str(happening.details["direction"])
            self.calls[direction, str(happening.details["outcome"])] += 1
            self.talk_s[direction] += happening.details["duration_s"]

    def recovery(self, code: int | None) -> None:
        """Count that a call began to recover; `code` is the error that `reconnecting` carries."""
        self.recoveries["signaling" if code == _SIGNALING_LOST else "media"] += 1

    def second(self, call: Mapping[str, Any] | None) -> None:
        """Count one second of a call that is on, as the page describes it."""
        mos = (call or {}).get("mos")
        if mos:
            self.mos[next((i for i, limit in enumerate(MOS_LIMITS) if mos <= limit), -1)] += 1
            self.mos_sum += mos

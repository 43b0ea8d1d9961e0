"""Whether the process grows without end: a leak is slow, and what it leads to (no memory, no descriptor) is not.

systemd's limits end a process that is too large at once, also in a call. Long before that it can end by itself at a
moment in which nobody is cut off, and the next one begins small.

What a call needed for a moment goes back to the system in such a moment, too.
"""

from __future__ import annotations

import resource
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agent.hub_clock import sleep_to_round
from agent.spare_memory import give_back
from agent.supervision.heartbeat import Heartbeat

LOOK_S = 10.0
SPARE_MB = 1.0  # by which a process has grown when it is worth while to look for what can be given back
SHARE = 0.8  # of the descriptors that there are


@dataclass(frozen=True)
class Size:
    """What a process holds."""

    memory_mb: float
    files: int
    threads: int


@dataclass(frozen=True)
class SizeLimits:
    """What no box needs; below the limits of the unit, which end it in the middle of a call."""

    memory_mb: float = 250.0
    files: int = round(SHARE * 1024)
    threads: int = 100

    def exceeded(self, size: Size) -> str:
        """Tell in words what is too much of; empty when nothing is."""
        return ", ".join(
            f"{getattr(size, name):.0f} {words}"
            for name, words in (("memory_mb", "MB of memory"), ("files", "open files"), ("threads", "threads"))
            if getattr(size, name) > getattr(self, name)
        )


def limits_here() -> SizeLimits:
    """Return the limits of a process with as many descriptors as this one may have."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return SizeLimits() if most == resource.RLIM_INFINITY else SizeLimits(files=round(SHARE * most))


def size_here() -> Size:
    """Measure this process; raises OSError where the kernel does not say."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    memory_kb = int(status["RssAnon"].split()[0])
    return Size(memory_kb / 1024, sum(1 for _ in Path("/proc/self/fd").iterdir()), int(status["Threads"]))


class Growth:
    """`run` is a child for the supervisor."""

    def __init__(self, is_idle: Callable[[], bool], trouble: Callable[[str], None], end: Callable[[str], None],
                 measure: Callable[[], Size] = size_here) -> None:  # fmt: skip
        """`trouble(why)` is told of a process that is too large, `end(why)` once nobody is cut off by its end."""
        self._is_idle = is_idle
        self._trouble = trouble
        self._end = end
        self._measure = measure
        self._limits = limits_here()
        self._is_large = False
        self._left_mb = 0.0  # when memory was given back the last time

    def run(self, heartbeat: Heartbeat) -> None:
        """Look until it is killed."""
        while True:
            heartbeat.beat()
            self._look()
            sleep_to_round(LOOK_S)

    def _look(self) -> None:
        try:
            size = self._measure()
        except OSError:
            return  # no descriptor is left to look with: others notice that
        what = self._limits.exceeded(size)
        if bool(what) != self._is_large:
            self._is_large = bool(what)
            self._trouble(f"the program has grown to {what}; it begins anew when no call is on" if what else "")
        if what and self._is_idle():
            self._end(f"it has grown to {what}")
        elif size.memory_mb > self._left_mb + SPARE_MB and self._is_idle():
            self._shrink()

    def _shrink(self) -> None:
        give_back()
        with suppress(OSError):
            self._left_mb = self._measure().memory_mb

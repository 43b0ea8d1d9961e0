"""What processes cost: CPU and memory of process trees, and what the rest of the machine did meanwhile."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

FOREIGN_LIMIT = 0.10  # of a core that other programs may use in an undisturbed window
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")


@dataclass(frozen=True)
class Cost:
    """Of one tree over one window: CPU and foreign CPU in seconds per second, wake-ups per second, proportional memory.

    Wake-ups are threads that slept: they cost little where a machine is busy, and much where it falls asleep.
    """

    cpu: float
    wakes: float
    pss_mb: float
    foreign_cpu: float


class Measured(Protocol):
    """What was found in one window."""

    @property
    def foreign_cpu(self) -> float:
        """CPU of other programs meanwhile, in seconds per second."""


Found = TypeVar("Found", bound=Measured)


def least_disturbed(measure: Callable[[], Found], tries: int) -> Found:
    """Measure until nobody disturbs it, at most so many times (at least one); the least disturbed one counts."""
    best = measure()
    for _ in range(tries - 1):
        if best.foreign_cpu <= FOREIGN_LIMIT:
            break
        best = min(best, measure(), key=lambda found: found.foreign_cpu)
    return best


def tree(root: int) -> list[int]:
    """The process and all its descendants."""
    parents: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            fields = _stat(int(entry.name))
            if fields:
                parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [root]
    for pid in found:
        found.extend(parents.get(pid, ()))
    return found


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on; empty when the process has ended."""
    try:
        return (PROC / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return []


def cpu_s(pids: Iterable[int]) -> float:
    """Seconds of CPU that these processes, and their children that ended, have used."""
    return sum(_used_s(pid) for pid in pids)


def _used_s(pid: int) -> float:
    """By the scheduler's own count, which is finer than ticks but forgets threads that have ended."""
    ticks = [int(field) / TICKS_PER_S for field in _stat(pid)[11:15]]
    return max(sum(ticks[:2]), _living_threads_s(pid)) + sum(ticks[2:])


def _living_threads_s(pid: int) -> float:
    """What the threads of a process that have not ended have used; 0 where the kernel does not tell."""
    used_ns = 0
    for file in (PROC / str(pid) / "task").glob("*/schedstat"):
        with suppress(OSError):  # it has ended meanwhile
            used_ns += int(file.read_text().split()[0])
    return used_ns / 1e9


def wakes(pids: Iterable[int]) -> int:
    """How often the threads of these processes, as far as they have not ended, have slept."""
    slept = 0
    for pid in pids:
        for file in (PROC / str(pid) / "task").glob("*/status"):
            with suppress(OSError):  # it has ended meanwhile
                status = dict(line.split(":", 1) for line in file.read_text().splitlines())
                slept += int(status["voluntary_ctxt_switches"])
    return slept


def pss_mb(pids: Iterable[int]) -> float:
    """Proportional memory: shared pages count by the share of each process."""
    return _memory_mb(pids, "Pss:")


def private_mb(pids: Iterable[int]) -> float:
    """Memory that no other process has a part in, whatever else the machine runs."""
    return _memory_mb(pids, "Private_")


def _memory_mb(pids: Iterable[int], kind: str) -> float:
    total_kb = 0
    for pid in pids:
        try:
            text = (PROC / str(pid) / "smaps_rollup").read_text()
        except OSError:
            continue
        total_kb += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith(kind))
    return total_kb / 1024


def machine_cpu_s() -> float:
    """Seconds of CPU that the whole machine has used."""
    user, nice, system, _idle, _iowait, irq, softirq, *_ = map(int, (PROC / "stat").read_text().split()[1:9])
    return (user + nice + system + irq + softirq) / TICKS_PER_S


class Usage:
    """What the machine did besides these process trees since this was made."""

    def __init__(self, roots: Iterable[int]) -> None:
        self._roots = tuple(roots)
        self._began = time.monotonic()
        self._machine, self._own = machine_cpu_s(), self._own_s()

    def _own_s(self) -> float:
        return cpu_s(pid for root in self._roots for pid in tree(root))

    def foreign_cpu(self) -> float:
        """Seconds of CPU per second."""
        machine, own = machine_cpu_s() - self._machine, self._own_s() - self._own
        return max(0.0, machine - own) / (time.monotonic() - self._began)


def watch(root: int, seconds: float, ours: Iterable[int] = ()) -> Cost:
    """Measure the tree of `root` for a while; what `ours` (far ends, this process) use is not foreign."""
    pids, others = tree(root), [os.getpid(), *(pid for other in ours for pid in tree(other))]
    start, slept, cpu, other, machine = time.monotonic(), wakes(pids), cpu_s(pids), cpu_s(others), machine_cpu_s()
    time.sleep(seconds)
    lasted = time.monotonic() - start
    used, other_used, slept = cpu_s(pids) - cpu, cpu_s(others) - other, wakes(pids) - slept
    foreign = max(0.0, machine_cpu_s() - machine - used - other_used)
    return Cost(used / lasted, slept / lasted, pss_mb(pids), foreign / lasted)

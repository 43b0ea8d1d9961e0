"""A process that grows without end is told of, and ends when nobody is cut off by that."""

from __future__ import annotations

import ctypes
import mmap
import os
import threading
from collections.abc import Callable
from dataclasses import replace

import gevent
import pytest
from gevent.event import Event

from agent.supervision.growth import Growth, Size, SizeLimits, size_here
from agent.supervision.heartbeat import Heartbeat

SMALL = Size(80.0, 60, 12)
LEAKED_MB = 100


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.supervision.growth.LOOK_S", 0.001)
    monkeypatch.setattr("agent.supervision.growth.limits_here", SizeLimits)


class Process:
    """One whose size the test chooses."""

    def __init__(self) -> None:
        self.size = SMALL
        self.is_idle = True
        self.troubles: list[str] = []
        self.ends: list[str] = []
        self._looks = 0
        growth = Growth(lambda: self.is_idle, self.troubles.append, self.ends.append, self._measure)
        self.greenlet = gevent.spawn(growth.run, Heartbeat())

    def _measure(self) -> Size:
        self._looks += 1
        return self.size

    def look(self) -> None:
        """Let it be looked at, twice."""
        seen = self._looks
        with gevent.Timeout(10):
            while self._looks < seen + 2:
                gevent.sleep(0.001)


@pytest.fixture
def process() -> Process:
    return Process()


def test_a_process_of_usual_size_is_left_alone(process: Process) -> None:
    process.look()

    assert (process.troubles, process.ends) == ([], [])


@pytest.mark.parametrize("size", [Size(251, 60, 12), Size(80, 5000, 12), Size(80, 60, 101)])
def test_one_that_is_too_large_ends_when_no_call_is_on_and_is_told_of_before(process: Process, size: Size) -> None:
    process.is_idle = False
    process.size = size
    process.look()
    assert len(process.troubles) == 1 and "begins anew when no call is on" in process.troubles[0]
    assert process.ends == []

    process.is_idle = True
    process.look()
    assert process.ends and "grown to" in process.ends[0]


def test_one_that_shrinks_again_is_no_trouble_any_more(process: Process) -> None:
    process.is_idle = False
    process.size = Size(300, 60, 12)
    process.look()
    process.size = SMALL
    process.is_idle = True
    process.look()

    assert (process.troubles[-1], process.ends) == ("", [])


def test_a_size_that_cannot_be_measured_ends_nothing(process: Process) -> None:
    def fails() -> Size:
        process._looks += 1
        raise OSError(24, "Too many open files")

    greenlet = gevent.spawn(Growth(lambda: True, process.troubles.append, process.ends.append, fails).run, Heartbeat())
    process.look()
    greenlet.kill()

    assert (process.troubles, process.ends) == ([], [])


SPARE_BLOCKS, BLOCK_BYTES = 20_000, 2_000  # small enough to lie in the heap, large enough to be the C library's


class Heap:
    """Memory of the C library: much that is free again, below a little that is not."""

    def __init__(self) -> None:
        libc = ctypes.CDLL(None)
        libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
        libc.free.argtypes = [ctypes.c_void_p]
        self._blocks = [libc.malloc(BLOCK_BYTES) for _ in range(SPARE_BLOCKS)]
        for block in self._blocks:
            ctypes.memset(block, 1, BLOCK_BYTES)
        self._free = libc.free

    def free(self) -> None:
        """Free all but the last, which lies on top."""
        while len(self._blocks) > 1:
            self._free(self._blocks.pop(0))


def test_what_a_call_needed_for_a_moment_goes_back_to_the_system_when_it_is_over() -> None:
    is_idle = False
    looked = Event()
    before_mb = size_here().memory_mb  # of a process of tests, which may be too large as it is

    def measure() -> Size:
        looked.set()
        return replace(SMALL, memory_mb=size_here().memory_mb - before_mb)

    heap = Heap()
    greenlet = gevent.spawn(Growth(lambda: is_idle, [].append, [].append, measure).run, Heartbeat())
    whole_mb = size_here().memory_mb
    heap.free()
    looked.wait(10)
    is_idle = True
    with gevent.Timeout(10):
        while size_here().memory_mb > whole_mb - SPARE_BLOCKS * BLOCK_BYTES / 2**20 / 2:
            looked.clear()
            looked.wait()
    greenlet.kill()


# Each leaks several times what is allowed: what earlier tests left may go at the same time.


def leak_files() -> Callable[[], None]:
    left = [os.open("/dev/null", os.O_RDONLY) for _ in range(200)]
    return lambda: [os.close(each) for each in left] and None


def leak_memory() -> Callable[[], None]:
    """Take pages that this process has never had; what the allocator gives may be what it had kept of others."""
    left = mmap.mmap(-1, LEAKED_MB << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    for at in range(0, len(left), mmap.PAGESIZE):
        left[at] = 1
    return left.close


def leak_threads() -> Callable[[], None]:
    over = threading.Event()
    left = [threading.Thread(target=over.wait, daemon=True) for _ in range(60)]
    for thread in left:
        thread.start()
    return over.set


@pytest.mark.parametrize("leak", [leak_files, leak_memory, leak_threads])
def test_what_leaks_is_counted(leak: Callable[[], Callable[[], None]]) -> None:
    before = size_here()
    limits = SizeLimits(before.memory_mb + 20, before.files + 40, before.threads + 15)
    assert limits.exceeded(before) == ""

    mend = leak()
    try:
        assert limits.exceeded(size_here()).count(",") == 0 != len(limits.exceeded(size_here()))
    finally:
        mend()

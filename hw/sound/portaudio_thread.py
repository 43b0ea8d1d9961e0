"""The one thread that may call the sound library.

A wedged sound server hangs PortAudio's `open`, `stop`, `close` and `terminate` for ever, and calling them from several
threads crashes the process. So all such calls are made here, one after the other, and those who ask wait only so long.
Once a call is overdue, no other is begun; should it return after all, work goes on.
"""

from __future__ import annotations

import functools
import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from hw.closing import Closing
from hw.errors import SoundWedgedError

log = logging.getLogger(__name__)

T = TypeVar("T")


class _Job:
    """One piece of work, and whether somebody still waits for it."""

    def __init__(self, work: Callable[[], Any], discard: Callable[[Any], object]) -> None:
        self._work = work
        self._discard = discard
        self._lock = threading.Lock()
        self._given_up = False
        self.returned = threading.Event()
        self.answered = threading.Event()
        self.result: Any = None
        self.error: BaseException | None = None

    def do(self) -> None:
        """Called by the control thread."""
        try:
            self.result = self._work()
        except BaseException as error:  # it is raised again in the thread that asked
            self.error = error
        with self._lock:
            self.returned.set()
            self.answered.set()
            late = self._given_up and self.error is None
        if late:
            self._discard(self.result)

    def give_up(self) -> bool:
        """Wait no longer; False when it has returned after all."""
        with self._lock:
            self._given_up = not self.returned.is_set()
            return self._given_up


class ControlThread(Closing):
    """Runs jobs in order on one native thread; made on first use, a daemon, so that it never holds up an exit."""

    def __init__(self, name: str = "sound-control") -> None:
        self._name = name
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._overdue: _Job | None = None
        self._waiting: dict[int, _Job] = {}
        self.last_done = time.monotonic()

    @property
    def wedged(self) -> bool:
        """Whether a job is overdue and has still not returned."""
        return self._overdue is not None and not self._overdue.returned.is_set()

    def run(self, work: Callable[[], T], limit_s: float, discard: Callable[[T], object] = lambda result: None) -> T:
        """Run `work` there and wait for its result, but no longer than `limit_s`.

        Raises what `work` raises, or SoundWedgedError when it takes too long or an earlier job still does; a result
        that comes too late is given to `discard`. The wait for earlier jobs counts.
        """
        self._start()
        if self.wedged:
            raise SoundWedgedError("the sound server still does not answer: restart it, or this program")
        job = self._waiting[threading.get_ident()] = _Job(work, discard)
        self._jobs.put(job)
        job.answered.wait(limit_s)
        del self._waiting[threading.get_ident()]
        if job.give_up():
            self._overdue = job
            raise SoundWedgedError(f"the sound server did not answer within {limit_s:g} s: restart it, or this program")
        if job.error is not None:
            raise job.error
        result: T = job.result
        return result

    def interrupt(self, caller: threading.Thread) -> None:
        """Let `run`, where `caller` waits in it, give up now; any thread."""
        if (job := self._waiting.get(caller.ident or 0)) is not None:
            job.answered.set()

    def close(self) -> None:
        """Let the thread end after its present job; idempotent."""
        if self._thread is not None:
            self._jobs.put(None)

    def _start(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._overdue = None  # a thread that died returns from nothing
                self._thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
                self._thread.start()

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            job.do()
            self.last_done = time.monotonic()


@functools.cache
def shared_control() -> ControlThread:
    """Return the one of this process: PortAudio is one library, however many cards are open."""
    return ControlThread()

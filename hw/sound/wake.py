"""The one way in which a sound card's callback may make a thread go on."""

from __future__ import annotations

import threading


class Wake:
    """A binary semaphore that a callback can raise in well under a microsecond."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def set(self) -> None:
        """Let one `wait` go on; any thread."""
        try:
            self._lock.release()
        except RuntimeError:
            return  # it is raised already

    def wait(self, timeout_s: float | None) -> bool:
        """Wait for `set`, None: however long it takes; False when the time is over."""
        return self._lock.acquire(timeout=-1 if timeout_s is None else timeout_s)

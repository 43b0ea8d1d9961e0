"""A program that this one runs: whoever waits for it blocks the calling greenlet only."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

import gevent
from gevent.event import Event
from gevent.fileobject import FileObject


class ChildProcess:
    """Begun in one step, by vfork and exec, on the hub of the main thread.

    gevent's own `subprocess` forks: what runs in the fork of a process with threads may wait for ever for a lock that
    one of them held, and Python warns of it from 3.12 on.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        cwd: str | None = None,
        as_group: bool = False,
        with_errors: bool = False,
    ) -> None:
        """Start it without input; `output` has what it prints, `with_errors` also what it prints there.

        `as_group` makes it the first of a group of processes. Raises OSError or ValueError where it cannot be started.
        """
        loop = gevent.get_hub().loop
        loop.install_sigchld()  # before it can end
        reading, writing = os.pipe()
        try:
            self._process = subprocess.Popen(
                list(arguments), env=environment, cwd=cwd, start_new_session=as_group, stdin=subprocess.DEVNULL,
                stdout=writing, stderr=subprocess.STDOUT if with_errors else subprocess.DEVNULL,
            )  # fmt: skip
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        self.pid = self._process.pid
        self.output: Any = FileObject(reading, "rb")
        self._ended = Event()
        watcher = loop.child(self.pid)
        watcher.start(self._has_ended, watcher)

    @property
    def status(self) -> int | None:
        """How it ended, less than 0 by a signal; None while it runs."""
        return self._process.returncode

    def wait(self, timeout_s: float | None = None) -> int:
        """Return how it ended; raises TimeoutError."""
        if not self._ended.wait(timeout_s):
            raise TimeoutError
        status = self.status
        assert status is not None
        return status

    def kill(self) -> None:
        """End it at once, if it has not ended."""
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)  # its number is its own until the hub has taken note of its end

    def _has_ended(self, watcher: Any) -> None:
        self._process.returncode = os.waitstatus_to_exitcode(watcher.rstatus)
        watcher.stop()
        watcher.close()
        self._ended.set()

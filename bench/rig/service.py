"""A command that is kept alive as systemd keeps the box: started again half a second after any end, with a watchdog.

Hub only.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import gevent
import gevent.socket
from gevent.event import Event
from gevent.subprocess import Popen

UNIT = Path(__file__).parents[2] / "systemd" / "kiosk-agent.service"
RESTART_S = 0.5  # RestartSec of the unit
WATCHDOG_S = 15.0  # WatchdogSec
START_S = 60.0  # TimeoutStartSec: what it has until it says that it is ready
ABORT_S = 5.0  # from the SIGABRT of a watchdog to SIGKILL
STOP_S = 10.0


class Service:
    """One command, life after life."""

    def __init__(self, command: Sequence[str], log: Path, environ: Mapping[str, str]) -> None:
        """Write what it says to `log`; its notification socket lies beside that."""
        self.log = log
        self.statuses: list[int] = []  #: how each life ended
        self.barks = 0  #: lives that the watchdog ended, or that never were ready
        self._command = list(command)
        self._process: Popen | None = None
        self._patience_ends_s = time.monotonic() + START_S
        self._ear = gevent.socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._ear.bind(str(log.with_suffix(".notify")))
        watchdog_us = round(WATCHDOG_S * 1e6)
        self._environ = {**os.environ, **environ, "WATCHDOG_USEC": str(watchdog_us),
                         "NOTIFY_SOCKET": self._ear.getsockname()}  # fmt: skip
        self._is_wanted = False
        self._born = Event()
        self._greenlets = [gevent.spawn(task) for task in (self._keep_alive, self._listen, self._watch)]

    @property
    def pid(self) -> int:
        """The process of the present life; waits for the next one between two."""
        with gevent.Timeout(STOP_S, TimeoutError("the box is not started again")):
            self._born.wait()
        assert self._process is not None
        return int(self._process.pid)

    @property
    def gave_up(self) -> int:
        """How many lives ended with the status after which systemd starts no other."""
        last = re.findall(r"^RestartPreventExitStatus=(\d+)$", UNIT.read_text(), re.MULTILINE)
        return sum(self.statuses.count(int(number)) for number in last)

    def start(self) -> None:
        """Begin."""
        self._is_wanted = True

    def send(self, number: signal.Signals) -> None:
        """Send the present life a signal."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def close(self) -> None:
        """End it for good; idempotent."""
        self._is_wanted = False
        process = self._process
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_S)
            process.kill()
            process.wait()
        gevent.killall(self._greenlets)
        self._ear.close()

    def _keep_alive(self) -> None:
        with self.log.open("ab") as log:
            while True:
                while not self._is_wanted:
                    gevent.sleep(0.02)
                self._process = Popen(self._command, stdout=log, stderr=log, env=self._environ)
                self._patience_ends_s = time.monotonic() + START_S
                self._born.set()
                self.statuses.append(self._process.wait())
                self._born.clear()
                gevent.sleep(RESTART_S)

    def _listen(self) -> None:
        while True:
            said = self._ear.recv(4096)
            if b"READY=1" in said or b"WATCHDOG=1" in said:
                self._patience_ends_s = time.monotonic() + WATCHDOG_S

    def _watch(self) -> None:
        while True:
            gevent.sleep(0.5)
            if not self._born.is_set() or self._process is None or time.monotonic() < self._patience_ends_s:
                continue
            self.barks += 1
            for number in (signal.SIGABRT, signal.SIGKILL):
                if self._process.poll() is None:
                    self._process.send_signal(number)
                    with suppress(subprocess.TimeoutExpired):
                        self._process.wait(ABORT_S)

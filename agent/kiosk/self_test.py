"""`doctor` on demand: a process of its own beside the box, whose lines are told as they come; one at a time."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import gevent

from agent.child_process import ChildProcess
from agent.closing import Closing
from agent.errors import InvalidStateError
from agent.log import excerpt, tidy

log = logging.getLogger(__name__)

RUN_S = 300.0  # a check has 30 s; a hang of many of them is no news any more
MOST_CHECKS = 64
MOST_LINE_BYTES = 16 * 1024
LINES_PER_S = 50.0  # whoever talks without end waits for us, not we for it
COMMAND = ("-P", "-m", "agent", "doctor", "--lines", "--beside")
PROGRAM = Path(__file__).parents[2]
NEVER, RUNNING, DONE, BROKEN = "never", "running", "done", "broken"
SUPERVISED = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")  # by systemd: the box, not what it starts


class SelfTest(Closing):
    """`changed()` is called on the hub at each line. What it found stays until the next one begins."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.settings: Path | None = None  #: the file that is tested
        self._changed = changed
        self._greenlet: gevent.Greenlet[[Path], None] | None = None
        self._found: dict[str, Any] = {"state": NEVER, "began_at_ms": None, "testing": "", "checks": [], "problem": ""}

    def describe(self) -> dict[str, Any]:
        """Tell what was found; ready for JSON.

        state (never, running, done, broken) · began_at_ms (Unix) · testing, the name of the check that is made ·
        checks [{name, outcome, detail, remedy}] · problem, why it is broken
        """
        return {**self._found, "checks": list(self._found["checks"])}

    def begin(self) -> None:
        """Begin another one; raises InvalidStateError while one runs, and where there is no file of settings."""
        if self._greenlet is not None and not self._greenlet.dead:
            raise InvalidStateError("a self-test runs already")
        if self.settings is None:
            raise InvalidStateError("this box was not started from a file of settings, so there is nothing to test")
        self._found = {"state": RUNNING, "began_at_ms": round(time.time() * 1000), "testing": "", "checks": [],
                       "problem": ""}  # fmt: skip
        self._greenlet = gevent.spawn(self._run, self.settings)
        self._changed()

    def close(self) -> None:
        """End the one that runs; idempotent."""
        if self._greenlet is not None:
            self._greenlet.kill(block=False)

    def _run(self, settings: Path) -> None:
        problem = "it was ended before it was done"
        try:
            with gevent.Timeout(RUN_S, TimeoutError(f"it took more than {RUN_S:g} s")):
                self._follow(settings)
            problem = ""
        except (OSError, ValueError) as error:
            problem = excerpt(error, 200)
            log.warning("the self-test is broken: %s", problem)
        finally:
            self._tell(state=BROKEN if problem else DONE, testing="", problem=problem)

    def _follow(self, settings: Path) -> None:
        """Read to its end what it says; raises OSError or ValueError where it does not speak as it should."""
        process = ChildProcess([sys.executable, *COMMAND, "--config", str(settings)], environment=_environment())
        try:
            while line := process.output.readline(MOST_LINE_BYTES):
                self._take(line)
                gevent.sleep(1 / LINES_PER_S)
            if not self._found["checks"]:
                raise OSError(f"it ended with status {process.wait()} and said nothing")
        finally:
            _end(process)

    def _take(self, line: bytes) -> None:
        said = json.loads(line)
        if not isinstance(said, dict):
            raise ValueError("it said something that is no line of a self-test")
        if "testing" in said:
            self._tell(testing=excerpt(said["testing"]))
        elif len(self._found["checks"]) < MOST_CHECKS:
            check = {name: str(said.get(name, "")) for name in ("name", "outcome", "detail", "remedy")}
            self._tell(testing="", checks=[*self._found["checks"], tidy(check)])

    def _tell(self, **found: Any) -> None:
        self._found = {**self._found, **found}
        self._changed()


def _environment() -> dict[str, str]:
    """What it needs to be the same program as this one."""
    kept = {name: value for name, value in os.environ.items() if name not in SUPERVISED}
    return {**kept, "PYTHONPATH": str(PROGRAM)}


def _end(process: ChildProcess) -> None:
    """End it, if it has not ended; whoever ends this waits for nobody."""
    process.kill()
    with suppress(OSError, ValueError):
        process.output.close()

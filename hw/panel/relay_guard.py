"""Holds the door's relay in a process of its own, so that a program that stands still opens no door for long.

    python -m hw.panel.relay_guard          commands come by standard input, answers go to standard output

Theory: a thread that ends a pulse stands still with its process (a stopped or frozen process, a deadlock in native
code). So the line belongs to this process, which knows nothing but lines of text: first the wiring as JSON, then `on`
and `off`, each answered by `ok` or `failed WHY`. It lets go when it is told to, when its input ends (the program has
died, the kernel closed the pipe), and when nothing came for the time of a pulse. Nothing of the agent is loaded here.
"""

from __future__ import annotations

import errno
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Protocol, TypeVar

from hw.errors import PinError
from hw.panel.dead_man import DeadMan

BUSY_S = 2.0  #: how long a line may still belong to the guard before this one
MAX_LINE = 1024  #: of what is said here, in bytes
_RETRY_S = 0.05
_Claimed = TypeVar("_Claimed")


@dataclass(frozen=True)
class RelayWiring:
    """Which line of which chip, and how long it may be held without a word and altogether."""

    chip: str
    line: int
    active_low: bool
    silence_s: float
    longest_s: float

    def to_json(self) -> str:
        """Write it as the first line to a guard."""
        return json.dumps(asdict(self))


class GuardedLine(Protocol):
    """One claimed output."""

    def set(self, on: bool) -> None: ...  # OSError: the kernel refuses

    def release(self) -> None: ...


class RelayGuard:
    """Serves one program until its input ends."""

    def __init__(self, commands: int, answers: int, claim: Callable[[RelayWiring], GuardedLine]) -> None:
        """`commands` and `answers` are file descriptors; `claim` takes the line, off."""
        self._commands = commands
        self._answers = answers
        self._claim = claim
        self._heard = b""

    def run(self) -> None:
        """Hold and let go until the input ends; however that is, the line is off afterwards."""
        first = self._next_line(None)
        if not first:
            return
        try:
            wiring = RelayWiring(**json.loads(first))
            line = once_free(lambda: self._claim(wiring))
        except (OSError, ValueError, TypeError) as error:
            self._answer(f"failed {error}")
            return
        self._answer("ok")
        try:
            self._serve(line, DeadMan(wiring.silence_s, wiring.longest_s))
        finally:
            line.set(False)
            line.release()

    def _serve(self, line: GuardedLine, dead_man: DeadMan) -> None:
        while (command := self._next_line(dead_man.deadline())) != b"":
            if command is None:
                if dead_man.tick(time.monotonic()):
                    line.set(False)
                continue
            if command == b"on":
                dead_man.hold(time.monotonic())
            else:
                dead_man.let_go()
            self._set(line, dead_man)

    def _set(self, line: GuardedLine, dead_man: DeadMan) -> None:
        try:
            line.set(dead_man.is_held)
        except OSError as error:
            dead_man.let_go()
            self._answer(f"failed {error}")
        else:
            self._answer("ok")

    def _next_line(self, deadline: float | None) -> bytes | None:
        """Read one line; None at the deadline, empty at the end of the input."""
        while b"\n" not in self._heard:
            wait_ms = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
            poll = select.poll()
            poll.register(self._commands, select.POLLIN)
            if not poll.poll(wait_ms):
                return None
            data = os.read(self._commands, MAX_LINE)
            if not data or len(self._heard) > MAX_LINE:
                return b""
            self._heard += data
        line, _, self._heard = self._heard.partition(b"\n")
        return line or b"off"

    def _answer(self, text: str) -> None:
        os.write(self._answers, text.encode(errors="replace")[:MAX_LINE] + b"\n")


def once_free(claim: Callable[[], _Claimed]) -> _Claimed:
    """Claim a line that may still be another guard's, which lets go in the moment in which its program ends."""
    until = time.monotonic() + BUSY_S
    while True:
        try:
            return claim()
        except (OSError, PinError) as error:
            cause = error if isinstance(error, OSError) else error.__cause__
            if getattr(cause, "errno", None) != errno.EBUSY or time.monotonic() > until:
                raise
        time.sleep(_RETRY_S)


def _claim_of_kernel(wiring: RelayWiring) -> GuardedLine:
    from hw.panel.kernel_line import KernelLine  # tests claim lines where there is no chip

    return KernelLine(wiring.chip, wiring.line, active_low=wiring.active_low)


def main(claim: Callable[[RelayWiring], GuardedLine] = _claim_of_kernel) -> int:
    """Guard until the input ends, or a signal asks for the end; 0."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    with suppress(BrokenPipeError):  # the program ended between its command and our answer
        RelayGuard(sys.stdin.fileno(), sys.stdout.fileno(), claim).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Runs a program that prints one thing, such as a password; blocks the calling greenlet only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import gevent

from agent.child_process import ChildProcess
from agent.errors import LocalFault

TIMEOUT_S: Final = 30.0


def output_of(arguments: Sequence[str], what: str, most_bytes: int, timeout_s: float = TIMEOUT_S) -> str:
    """Return what the program prints, at most `most_bytes` + 1 bytes; it is ended when it takes too long.

    Raises LocalFault, which calls the program `what` and shows its name, none of its arguments, and nothing it said.
    """
    named = f"The {what} {arguments[0]}"
    try:
        program = ChildProcess(arguments)  # without what it prints as errors: that may show what it sent
    except (OSError, ValueError) as exc:
        why = exc.strerror if isinstance(exc, OSError) else "this is no name of a program"
        raise LocalFault(f"{named} cannot be started: {why}.") from None
    try:
        with gevent.Timeout(timeout_s, TimeoutError):
            output: bytes = program.output.read(most_bytes + 1)
            status = program.wait()
    except TimeoutError:
        raise LocalFault(f"{named} took more than {timeout_s:g} s.") from None
    finally:
        if program.status is None:
            program.kill()
            program.wait()
        program.output.close()
    if status:
        raise LocalFault(f"{named} ended with status {status}.")
    return output.decode(errors="replace")

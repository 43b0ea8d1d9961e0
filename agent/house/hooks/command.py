"""Runs one command to its end, or ends it with all that it began; blocks the calling greenlet only."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import gevent

from agent.child_process import ChildProcess
from agent.errors import LocalFault
from agent.log import excerpt

MOST_OUTPUT_BYTES = 2048  # that are kept, for telling why it failed
MOST_SAID = 200  # characters of it that are told
PIECE_BYTES = 16 * 1024
PIECES_PER_S = 50.0  # whoever prints without end waits for us, not we for it
GRACE_S = 0.5  # between the request to end and the end
NICE = 10


def run_command(arguments: Sequence[str], environment: Mapping[str, str], timeout_s: float) -> None:
    """Run it without a shell or input; raises LocalFault: how it ended, and what it printed last."""
    process = _start(arguments, environment)
    printed = bytearray()
    reader = gevent.spawn(_read, process.output, printed)
    grace_s = GRACE_S
    try:
        status = process.wait(timeout_s)
        reader.join(GRACE_S)
    except TimeoutError:
        raise LocalFault(f"{arguments[0]} took more than {timeout_s:g} s, and was ended{_said(printed)}") from None
    except gevent.GreenletExit:
        grace_s = 0.0  # whoever ends this waits for nobody
        raise
    finally:
        _end_group(process, reader, grace_s)
    if status:
        how = f"was ended by signal {-status}" if status < 0 else f"ended with status {status}"
        raise LocalFault(f"{arguments[0]} {how}{_said(printed)}")


def _start(arguments: Sequence[str], environment: Mapping[str, str]) -> ChildProcess:
    """Start it behind everything that the box does itself, as a group that can be ended as one."""
    try:
        process = ChildProcess(arguments, environment=environment, cwd="/", as_group=True, with_errors=True)
    except (OSError, ValueError) as error:
        raise LocalFault(f"{arguments[0]} cannot be started: {_why_not(arguments[0], error)}") from None
    with suppress(OSError):  # it has ended already
        os.setpriority(os.PRIO_PGRP, process.pid, NICE)
    return process


def _why_not(program: str, error: OSError | ValueError) -> str:
    """Say what to change: the system's word of a script is about what runs it."""
    if not isinstance(error, OSError):
        return "the command has characters that no program can be given"
    first_line = "its first line must name what runs it, like #!/bin/sh"
    if error.errno == errno.ENOEXEC or (error.errno == errno.ENOENT and Path(program).exists()):
        return f"{error.strerror}; {first_line}"
    hints = {errno.EACCES: "the user of this program must be allowed to run it: chmod +x",
             errno.ENOENT: "there is none of that name"}  # fmt: skip
    return "; ".join(filter(None, (error.strerror, hints.get(error.errno or 0))))


def _read(pipe: Any, printed: bytearray) -> None:
    """Keep the end of what it prints, read at a bounded rate."""
    with suppress(OSError, ValueError):
        while piece := pipe.read1(PIECE_BYTES):
            printed += piece
            del printed[:-MOST_OUTPUT_BYTES]
            gevent.sleep(1 / PIECES_PER_S)


def _end_group(process: ChildProcess, reader: gevent.Greenlet[..., None], grace_s: float) -> None:
    """End what is left of it: whoever still holds its output, or itself; asked first where there is time."""
    for number in (signal.SIGTERM, signal.SIGKILL) if grace_s else (signal.SIGKILL,):
        if process.status is not None and reader.dead:
            break
        with suppress(OSError):
            os.killpg(process.pid, number)
        if grace_s:
            with suppress(TimeoutError):
                process.wait(grace_s)
            reader.join(grace_s)
    reader.kill(timeout=GRACE_S)  # it must have let go of the pipe
    with suppress(OSError, ValueError):
        process.output.close()


def _said(printed: bytearray) -> str:
    text = bytes(printed).decode(errors="replace").strip()
    return f"; it said: {excerpt(text, MOST_SAID)}" if text else ""

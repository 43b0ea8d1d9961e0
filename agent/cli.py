"""The command line. Exit status: 0 done, 1 failed, 2 wrong usage or settings; Ctrl-C and a closed pipe end it quietly.

Results go to stdout, logs to stderr. Each command lives in `agent/commands/` under its own name and is imported when it
is named, what it works with when it is performed: `--help` and `check` need neither sound nor media libraries, and what
only asks a running agent needs no other room (`tests/kiosk/test_light_commands.py`).
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from agent.errors import AgentError, OutputError, UsageError
from agent.program import NAME, VERSION
from agent.terminal import say
from hw.errors import HardwareError

DONE, FAILED, WRONG_USAGE = 0, 1, 2
INTERRUPTED, UNREAD = 128 + signal.SIGINT, 128 + signal.SIGPIPE  # as shells say it
# These leave nothing behind when Ctrl-C ends them.
AT_ONCE = ("press", "reload", "status", "doctor", "check", "code", "token", "key")
SMALL = ("press", "reload", "status", "code", "key")  # these log nothing, and nothing that would is loaded for them
INSTALLED = ("rollback", "uninstall")  # these go on as another program
COMMANDS = ("run", "reload", "demo", "call", "press", "status", "doctor", "check", "code", "switchboard", "token",
            "key", *INSTALLED)


def parser(names: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """Build the parser of these commands."""
    top = argparse.ArgumentParser(prog=NAME, description="A phone with buttons and lights.")
    top.add_argument("--version", action="version", version=f"{NAME} {VERSION}", help="print the version")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in names:
        module = importlib.import_module(f"agent.commands.{name}")
        summary = (module.__doc__ or "").strip().splitlines()[0]
        sub = commands.add_parser(name, help=summary, description=module.__doc__)
        sub.add_argument("-v", "--verbose", action="store_true", help="log what happens in detail")
        module.arguments(sub)
        sub.set_defaults(perform=module.perform)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status and says on stderr why it failed."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal may know fewer letters than a name has
    argv = sys.argv[1:] if argv is None else argv
    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        options = parser(_needed(argv)).parse_args(argv)
        if options.command not in SMALL:
            _make_warnings_safe()
        if options.command not in AT_ONCE:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return _perform(options)
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        signal.signal(signal.SIGINT, before)


def _needed(argv: Sequence[str]) -> Sequence[str]:
    """The commands that these arguments are about: the one that they begin with, none, or any."""
    if argv[:1] == ["--version"]:
        return ()
    return argv[:1] if argv and argv[0] in COMMANDS else COMMANDS


def _make_warnings_safe() -> None:
    """See to what writes them while nobody has said where the log goes."""
    import logging

    from agent.service.journal import SafeFormatter

    if logging.lastResort is not None:
        logging.lastResort.setFormatter(SafeFormatter())


def _perform(options: argparse.Namespace) -> int:
    try:
        status = int(options.perform(options) or DONE)
        sys.stdout.flush()
        return status
    except OutputError as error:
        _leave_output()
        return _failed(options, error, FAILED)
    except UsageError as error:
        return _failed(options, error, WRONG_USAGE)
    except (AgentError, HardwareError) as error:
        return _failed(options, error, FAILED)
    except BrokenPipeError:  # whoever reads the output has read enough
        _leave_output()
        return UNREAD


def _failed(options: argparse.Namespace, error: Exception, status: int) -> int:
    lines = str(error).split("\n") if isinstance(error, UsageError) else [error]  # settings have many faults
    say(f"{NAME} {options.command}: {lines[0]}", *lines[1:], to=sys.stderr)
    return status


def _leave_output() -> None:
    """Write to nowhere from now on, or Python would complain at its end about lines left."""
    with suppress(OSError, ValueError), Path(os.devnull).open("wb", buffering=0) as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())

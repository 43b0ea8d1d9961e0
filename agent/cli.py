"""The command line. Exit status: 0 done, 1 failed, 2 wrong usage or configuration.

Results go to stdout, logs to stderr. Each command lives in `agent/commands/` under its own name and
is imported only when it is used, so that `--help` and `check` need neither sound nor media libraries.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from agent.errors import AgentError, UsageError
from agent.program import NAME, VERSION
from hw.errors import HardwareError

DONE, FAILED, WRONG_USAGE = 0, 1, 2
COMMANDS = ("run", "demo", "call", "press", "status", "doctor", "check", "switchboard", "token")


def parser() -> argparse.ArgumentParser:
    """Build the parser of every command."""
    top = argparse.ArgumentParser(prog=NAME, description="A phone with buttons and lights.")
    top.add_argument("--version", action="version", version=f"{NAME} {VERSION}", help="print the version")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS:
        module = importlib.import_module(f"agent.commands.{name}")
        summary = (module.__doc__ or "").strip().splitlines()[0]
        sub = commands.add_parser(name, help=summary, description=module.__doc__)
        sub.add_argument("-v", "--verbose", action="store_true", help="log what happens in detail")
        module.arguments(sub)
        sub.set_defaults(perform=module.perform)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit status and says on stderr why it failed."""
    options = parser().parse_args(argv)
    try:
        return int(options.perform(options) or DONE)
    except UsageError as error:
        print(f"kiosk-agent {options.command}: {error}", file=sys.stderr)
        return WRONG_USAGE
    except (AgentError, HardwareError) as error:
        print(f"kiosk-agent {options.command}: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:  # only of commands that do not end by it
        print(f"kiosk-agent {options.command}: interrupted", file=sys.stderr)
        return FAILED


if __name__ == "__main__":
    sys.exit(main())

"""Test pins, sound, network, token and registration, and say what to do about each fault."""

from __future__ import annotations

import argparse
import os
from contextlib import suppress
from pathlib import Path

from agent.commands import settings_option

NICE = 10
FIRST_TO_GO = "500"  # where memory is short: not the box


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    settings_option(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object")
    form.add_argument("--lines", action="store_true", help="print a line of JSON as each check begins and ends")
    parser.add_argument("--beside", action="store_true", help="leave pins and sound to the box that runs, and be nice")


def perform(options: argparse.Namespace) -> int:
    """Run every check; 1 when one failed. Root tests the installed settings as the service's user."""
    from agent.config import load
    from agent.config.loading import load_beforehand
    from agent.config.location import settings_file
    from agent.config.service_user import as_service

    path = settings_file(options.config)
    # All is loaded by the user who began: the service's may not be allowed to read it.
    from agent.commands.examination import examine
    from agent.doctor import succeeded
    from agent.media.bridge import close_shared_bridge
    from agent.service.journal import set_up_logging

    load_beforehand()
    is_service = as_service(path)
    config = load(path)
    set_up_logging("debug" if options.verbose else "error")
    if options.beside:
        _be_nice()
    checks = examine(options, config, path, as_service=is_service)
    close_shared_bridge()
    return 0 if succeeded(checks) else 1


def _be_nice() -> None:
    """Let the box that runs go first, with the processor and with memory."""
    with suppress(OSError):
        os.nice(NICE)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO)

"""Test pins, sound, network, token and registration, and say what to do about each fault."""

from __future__ import annotations

import argparse
import json
import os
import sys
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from agent.commands import settings_option
from agent.terminal import say

if TYPE_CHECKING:
    from agent.doctor import Check
    from agent.doctor.progress import Progress

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
    from agent.doctor import HELD, all_checks, as_json, beside_box, needs, run, settings_check, succeeded
    from agent.doctor.progress import Progress
    from agent.kiosk.box_sound import open_sound
    from agent.media.bridge import close_shared_bridge
    from agent.service.journal import set_up_logging
    from agent.signaling.sip.secret import read_secret
    from agent.signaling.token.token_source import TokenSource

    load_beforehand()
    is_service = as_service(path)
    config = load(path)
    set_up_logging("debug" if options.verbose else "error")

    @cache
    def get_token() -> str:
        if config.signaling.is_sip:
            return read_secret(config.sip, config.box.identity)
        return TokenSource(config.token, config.box.identity).fetch()

    tests = [settings_check(path, is_service), *all_checks(config, get_token, lambda: open_sound(config.sound))]
    if options.beside:
        _be_nice()
        tests = beside_box(tests, HELD)
    checks = []
    with Progress(sys.stderr) as progress:
        for check in run(tests, needs=needs(config), on_begin=partial(_begin, options, progress)):
            progress.close()
            checks.append(check)
            _tell(options, check)
    if options.json:
        say(*as_json(checks).split("\n"))
    close_shared_bridge()
    return 0 if succeeded(checks) else 1


def _begin(options: argparse.Namespace, progress: Progress, name: str) -> None:
    if options.lines:
        say(json.dumps({"testing": name}))
    else:
        progress.begin(name)


def _tell(options: argparse.Namespace, check: Check) -> None:
    from agent.doctor import as_line, as_text

    if options.lines:
        say(as_line(check))
    elif not options.json:
        say(*as_text(check).split("\n"))


def _be_nice() -> None:
    """Let the box that runs go first, with the processor and with memory."""
    with suppress(OSError):
        os.nice(NICE)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(FIRST_TO_GO)

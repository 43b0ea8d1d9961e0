"""Test pins, sound, network, token and registration, and say what to do about each fault."""

from __future__ import annotations

import argparse
import sys
from functools import cache

from agent.commands import settings_option
from agent.terminal import say


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    settings_option(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def perform(options: argparse.Namespace) -> int:
    """Run every check; 1 when one failed. Root tests the installed settings as the service's user."""
    from agent.config import load
    from agent.config.location import as_service, settings_file

    path = settings_file(options.config)
    from agent.doctor import all_checks, as_json, as_text, needs, run, settings_check, succeeded
    from agent.doctor.progress import Progress
    from agent.kiosk.box_sound import open_sound
    from agent.media.bridge import close_shared_bridge
    from agent.service.journal import set_up_logging
    from agent.signaling.sip.secret import read_secret
    from agent.signaling.token.token_source import TokenSource

    is_service = as_service(path)
    config = load(path)
    set_up_logging("debug" if options.verbose else "error")

    @cache
    def get_token() -> str:
        if config.signaling.is_sip:
            return read_secret(config.sip, config.box.identity)
        return TokenSource(config.token, config.box.identity).fetch()

    tests = [settings_check(path, is_service), *all_checks(config, get_token, lambda: open_sound(config.sound))]
    checks = []
    with Progress(sys.stderr) as progress:
        for check in run(tests, needs=needs(config), on_begin=progress.begin):
            progress.close()
            checks.append(check)
            if not options.json:
                say(*as_text(check).split("\n"))
    if options.json:
        say(*as_json(checks).split("\n"))
    close_shared_bridge()
    return 0 if succeeded(checks) else 1

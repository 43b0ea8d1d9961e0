"""Test pins, sound, network, token and registration, and say what to do about each fault."""

from __future__ import annotations

import argparse
from pathlib import Path


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--config", metavar="FILE", type=Path, default=Path("config.toml"), help="default: config.toml")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def perform(options: argparse.Namespace) -> int:
    """Run every check; 1 when one failed."""
    from agent.config import load
    from agent.doctor import all_checks, as_json, as_text, run, succeeded
    from agent.kiosk.box_sound import open_sound
    from agent.media.bridge import close_shared_bridge
    from agent.service.journal import set_up_logging
    from agent.signaling.token.token_source import TokenSource

    config = load(options.config)
    set_up_logging("debug" if options.verbose else "error")

    def get_token() -> str:
        return TokenSource(config.token, config.box.identity).fetch()

    checks = []
    for check in run(all_checks(config, get_token, lambda: open_sound(config.sound))):
        checks.append(check)
        if not options.json:
            print(as_text(check), flush=True)
    if options.json:
        print(as_json(checks))
    close_shared_bridge()
    return 0 if succeeded(checks) else 1

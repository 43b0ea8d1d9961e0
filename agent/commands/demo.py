"""Show everything at once: switchboard, box and a virtual panel; --once and --quick play a scripted call."""

from __future__ import annotations

import argparse
from pathlib import Path

DEFAULT_PORT = 8443


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    play = parser.add_mutually_exclusive_group()
    play.add_argument("--once", action="store_true", help="play the scripted call, check it, exit 0 or 1")
    play.add_argument("--quick", action="store_true", help="likewise, with one short sentence and no cut")
    parser.add_argument("--listen", metavar="HOST[:PORT]", default="", help="where the switchboard listens")
    parser.add_argument("--state-dir", metavar="DIR", type=Path, default=Path("state"), help="default: state")


def perform(options: argparse.Namespace) -> int:
    """Play the scripted call, or keep running until Ctrl-C."""
    from agent.net.address import split_address
    from agent.service.journal import set_up_logging

    set_up_logging("debug" if options.verbose else "warning")
    is_played = options.once or options.quick
    listen = split_address(options.listen or "127.0.0.1", 0 if is_played else DEFAULT_PORT)
    if is_played:
        from agent.demo.once import play_once
        from agent.demo.script import QUICK, WHOLE

        return play_once(listen, options.state_dir, play=QUICK if options.quick else WHOLE)
    from agent.demo.live import keep_running

    return keep_running(listen, options.state_dir)

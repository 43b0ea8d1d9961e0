"""Print a token that this machine's switchboard accepts."""

from __future__ import annotations

import argparse

from agent.commands import settings_option, switchboard_state
from agent.terminal import say


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--identity", metavar="NAME", required=True, help="the name that the phone is called by")
    parser.add_argument("--ttl", metavar="S", type=int, default=3600, help="its life in seconds (default: 3600)")
    parser.add_argument("--state-dir", metavar="DIR", help="the switchboard's state folder, which holds its key")
    settings_option(parser, "none; [switchboard] state_dir is taken from it")


def perform(options: argparse.Namespace) -> int:
    """Mint and print it. InvalidArgumentError for a folder that is not a switchboard's: nobody would take it."""
    from agent.switchboard.runner import mint_for

    say(mint_for(str(switchboard_state.folder_of(options)), options.identity, options.ttl))
    return 0

"""Print a token that this machine's switchboard accepts."""

from __future__ import annotations

import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--identity", metavar="NAME", required=True, help="the name that the phone is called by")
    parser.add_argument("--ttl", metavar="S", type=int, default=3600, help="its life in seconds (default: 3600)")
    parser.add_argument("--state-dir", metavar="DIR", help="the switchboard's state folder")


def perform(options: argparse.Namespace) -> int:
    """Mint and print it."""
    from agent.switchboard.runner import mint_for

    print(mint_for(options.state_dir or "", options.identity, options.ttl))
    return 0

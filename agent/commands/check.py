"""Check a configuration file and say what is wrong with it."""

from __future__ import annotations

import argparse
from pathlib import Path


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("config", metavar="CONFIG", type=Path, help="the file to check")


def perform(options: argparse.Namespace) -> int:
    """Load the file; ConfigError (exit status 2) says all that is wrong with it."""
    from agent.config import load

    load(options.config)
    print(f"{options.config}: ok")
    return 0

"""Check the settings as the service would take them, and say what is wrong with them."""

from __future__ import annotations

import argparse
from pathlib import Path

from agent.commands import settings_option, trust_option
from agent.terminal import say


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    settings_option(parser)
    trust_option(parser)
    parser.add_argument("--where", action="store_true", help="say of each value in which file and line it stands")
    parser.add_argument("file", metavar="CONFIG", type=Path, nargs="?", help="the same, without --config")


def perform(options: argparse.Namespace) -> int:
    """Load the file; ConfigError (status 2) says all that `run` would refuse or miss. InvalidArgumentError for two.

    Root looks at the installed file as the service's user.
    """
    from agent.config import doubts, load_to_check, origins
    from agent.config.location import as_service, settings_file
    from agent.errors import InvalidArgumentError

    if options.config and options.file:
        raise InvalidArgumentError("give one file: --config FILE, or its name alone")
    path = settings_file(options.config or options.file)
    config = load_to_check(path, as_service=as_service(path), trusting=options.trust_settings)
    if options.where:
        say(*origins(path))
    say(*(f"warning: {doubt}" for doubt in doubts(path, config)), f"{path}: ok")
    return 0

"""Remove the service and its programs from this machine, but not the settings; needs root."""

from __future__ import annotations

import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--purge", action="store_true", help="remove /etc/kiosk-agent with the settings as well")


def perform(options: argparse.Namespace) -> int:
    """Stop the service and remove what the installation made. NotSupportedError where no service is installed."""
    from agent.service.releases import hand_over

    hand_over("uninstall", *(["--purge"] if options.purge else []))

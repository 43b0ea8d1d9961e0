"""Press a button of the running agent, as a finger would."""

from __future__ import annotations

import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("button", metavar="BUTTON", help="the name of a [buttons.NAME] section")
    parser.add_argument("--hold", metavar="S", type=float, default=0.1, help="how long to hold it, in seconds")


def perform(options: argparse.Namespace) -> int:
    """Ask the running agent to press the button."""
    from agent.service.control_client import ControlClient

    with ControlClient() as client:
        client.request("press", button=options.button, hold_s=options.hold)
    return 0

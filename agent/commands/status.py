"""Print what the running agent is doing."""

from __future__ import annotations

import argparse
import json


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--json", action="store_true", help="print it as one JSON object")


def perform(options: argparse.Namespace) -> int:
    """Ask the running agent for its status and print it."""
    from agent.service.control_client import ControlClient

    with ControlClient() as client:
        status = client.request("status")
    if options.json:
        print(json.dumps(status, indent=2))
    else:
        for key, value in status.items():
            print(f"{key:<16} {value if isinstance(value, str) else json.dumps(value)}")
    return 0

"""Let the running agent take changed settings, without ending a call."""

from __future__ import annotations

import argparse

from agent.commands import settings_option
from agent.terminal import say

TIMEOUT_S = 15.0  # a key in a card or a network folder may be slow


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    settings_option(parser, "where the service has them; they may name its socket")


def perform(options: argparse.Namespace) -> int:
    """Say what was applied and what waits. Raises ControlError with the agent's reason when the file is refused."""
    from agent.config.part import control_socket_of
    from agent.service.control_client import ControlClient

    with ControlClient(control_socket_of(options.config)) as client:
        done = client.request("reload", timeout_s=TIMEOUT_S) or {}
    for words, keys in (("applied", done.get("applied")), ("waits until no call is on", done.get("waits"))):
        if keys:
            say(f"{words}: {', '.join(map(str, keys))}")
    if not any(done.values()):
        say("nothing has changed")
    return 0

"""Press a button of the running agent, as a finger would."""

from __future__ import annotations

import argparse
from typing import Any

from agent.commands import settings_option

MOST_S = 60.0


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("button", metavar="BUTTON", help="the name of a [buttons.NAME] section")
    parser.add_argument("--hold", metavar="S", type=float, default=0.1, help="how long to hold it, in seconds")
    settings_option(parser, "where the service has them; they may name its socket")


def perform(options: argparse.Namespace) -> int:
    """Ask the running agent to press the button. Raises InvalidArgumentError, ControlError."""
    from agent.config.part import control_socket_of
    from agent.errors import InvalidArgumentError
    from agent.service.control_client import ControlClient

    if not 0 < options.hold <= MOST_S:
        raise InvalidArgumentError(f"--hold: give seconds above 0, up to {MOST_S:g}")
    with ControlClient(control_socket_of(options.config)) as client:
        _check(options.button, _names(client.request("status")))
        client.request("press", button=options.button, hold_s=options.hold)
    return 0


def _names(status: Any) -> list[str]:
    from agent.errors import ControlError
    from agent.service.control_client import OTHER_VERSION

    try:
        return [str(button["name"]) for button in status["buttons"]]
    except (LookupError, TypeError):
        raise ControlError(OTHER_VERSION) from None


def _check(button: str, known: list[str]) -> None:
    from agent.errors import InvalidArgumentError

    if button in known:
        return
    import difflib

    near = difflib.get_close_matches(button.lower(), known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise InvalidArgumentError(f"there is no button {button!r}{hint} (this box has: {', '.join(known) or 'none'})")


"""Run the box: the service."""

from __future__ import annotations

import argparse
from pathlib import Path


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("--config", metavar="FILE", type=Path, default=Path("config.toml"), help="default: config.toml")


def perform(options: argparse.Namespace) -> int:
    """Run until a signal ends it; every part is restarted as long as that helps."""
    from agent.config import load_for_calls

    config = load_for_calls(options.config)
    from agent.kiosk.kiosk import Kiosk
    from agent.kiosk.serve import serve
    from agent.service.journal import set_up_logging
    from agent.service.stopping import show_stacks_on_abort

    set_up_logging("debug" if options.verbose else config.service.log_level)
    show_stacks_on_abort()
    return serve(Kiosk(config))

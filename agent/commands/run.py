"""Run the box: the service."""

from __future__ import annotations

import argparse
import logging

from agent.commands import settings_option, trust_option

log = logging.getLogger(__name__)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    settings_option(parser)
    trust_option(parser)


def perform(options: argparse.Namespace) -> int:
    """Run until a signal ends it; every part is restarted as long as that helps. ConfigError (exit status 2)."""
    from agent.config import doubts, load_for_box
    from agent.config.location import settings_file

    path = settings_file(options.config)
    config = load_for_box(path, trusting=options.trust_settings)
    from agent.kiosk.kiosk import Kiosk
    from agent.kiosk.serve import serve
    from agent.service.journal import set_up_logging
    from agent.service.last_words import log_what_nobody_caught
    from agent.service.stopping import show_stacks_on_abort

    set_up_logging("debug" if options.verbose else config.service.log_level)
    for doubt in doubts(path, config):
        log.warning("%s", doubt)
    show_stacks_on_abort()
    log_what_nobody_caught()
    return serve(Kiosk(config))

"""Run the box: the service."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from agent.commands import settings_option, trust_option

if TYPE_CHECKING:
    from agent.config.settings_file import SettingsFile


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    settings_option(parser)
    trust_option(parser)


def perform(options: argparse.Namespace) -> int:
    """Run until a signal ends it; every part is restarted as long as that helps.

    At a terminal, settings that cannot be used end it: ConfigError (exit status 2). As a service it shows what is
    wrong, and begins when that is mended.
    """
    from agent.config.location import INSTALLED, settings_file
    from agent.config.settings_file import SettingsFile

    if os.environ.get("NOTIFY_SOCKET"):
        return _run_unattended(SettingsFile(options.config or INSTALLED, options.trust_settings), options.verbose)
    return _run_here(SettingsFile(settings_file(options.config), options.trust_settings), options.verbose)


def _run_here(settings: SettingsFile, verbose: bool) -> int:
    config = settings.load()
    from agent.kiosk.kiosk import Kiosk
    from agent.kiosk.serve import serve

    _prepare("debug" if verbose else config.service.log_level)
    return serve(Kiosk(config))


def _run_unattended(settings: SettingsFile, verbose: bool) -> int:
    from agent.kiosk.serve import serve
    from agent.kiosk.unattended import Unattended
    from agent.service.journal import set_up_logging

    _prepare("debug" if verbose else "info")
    levels = (lambda _config: None) if verbose else (lambda config: set_up_logging(config.service.log_level))
    return Unattended(settings, serve, levels).run()


def _prepare(level: str) -> None:
    from agent.service.journal import set_up_logging
    from agent.service.last_words import log_what_nobody_caught
    from agent.service.stopping import show_stacks_on_abort

    set_up_logging(level)
    show_stacks_on_abort()
    log_what_nobody_caught()

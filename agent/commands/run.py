"""Run the box: the service."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from agent.commands import settings_option, trust_option

if TYPE_CHECKING:
    from agent.config import Config
    from agent.config.settings_file import SettingsFile

log = logging.getLogger(__name__)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    settings_option(parser)
    trust_option(parser)


def perform(options: argparse.Namespace) -> int:
    """Run until a signal ends it; every part is restarted as long as that helps.

    At a terminal, settings that cannot be used end it: ConfigError (exit status 2). As a service it shows what is
    wrong, and begins when that is mended.
    """
    _prepare("debug" if options.verbose else "info")
    from agent.config.location import INSTALLED, settings_file
    from agent.config.settings_file import SettingsFile

    if os.environ.get("NOTIFY_SOCKET"):
        settings = SettingsFile(options.config or INSTALLED, options.trust_settings)
        status = _run_unattended(settings, options.verbose)
    else:
        settings = SettingsFile(settings_file(options.config), options.trust_settings)
        status = _run_here(settings, options.verbose)
    if status < 0:  # it is to begin anew, with settings that are too different
        os.execv(sys.executable, sys.orig_argv)
    return status


def _run_here(settings: SettingsFile, verbose: bool) -> int:
    config = settings.load()
    from agent.kiosk.kiosk import Kiosk
    from agent.kiosk.serve import serve

    _levels(verbose)(config.service.log_level)
    _tell_doubts(settings, config)
    return serve(Kiosk(config), settings, _levels(verbose))


def _run_unattended(settings: SettingsFile, verbose: bool) -> int:
    from agent.kiosk.serve import serve
    from agent.kiosk.unattended import Unattended

    set_level = _levels(verbose)
    begin = partial(serve, settings=settings, set_level=set_level)

    def configured(config: Config) -> None:
        set_level(config.service.log_level)
        _tell_doubts(settings, config)

    return Unattended(settings, begin, configured).run()


def _tell_doubts(settings: SettingsFile, config: Config) -> None:
    from agent.config import doubts

    for doubt in doubts(settings.path, config):
        log.warning("%s", doubt)


def _levels(verbose: bool) -> Callable[[str], None]:
    from agent.service.journal import set_up_logging

    return lambda level: set_up_logging("debug" if verbose else level)


def _prepare(level: str) -> None:
    from agent.light_start import start_lightly

    start_lightly()
    from agent.service.journal import set_up_logging
    from agent.service.last_words import log_what_nobody_caught
    from agent.service.stopping import show_stacks_on_abort

    set_up_logging(level)
    show_stacks_on_abort()
    log_what_nobody_caught()

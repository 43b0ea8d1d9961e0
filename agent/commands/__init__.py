"""One file a command of the command line: `arguments(parser)` and `perform(options) -> exit status`."""

from __future__ import annotations

import argparse
from pathlib import Path

DEFAULT = "config.toml of this folder, else /etc/kiosk-agent/config.toml"


def trust_option(parser: argparse.ArgumentParser) -> None:
    """Declare `--trust-settings`."""
    help_ = "take settings and keys that other users of this machine may read or write"
    parser.add_argument("--trust-settings", action="store_true", help=help_)


def settings_option(parser: argparse.ArgumentParser, default: str = DEFAULT) -> None:
    """Declare `--config FILE`, as every command has it."""
    parser.add_argument("--config", metavar="FILE", type=Path, help=f"the settings (default: {default})")

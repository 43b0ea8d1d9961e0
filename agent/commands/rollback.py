"""Go back to the version that ran before the last update; needs root."""

from __future__ import annotations

import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare nothing: there is one version before this one, or none."""


def perform(options: argparse.Namespace) -> int:
    """Let the version before this one run, if it gets ready. NotSupportedError where no service is installed."""
    from agent.service.releases import hand_over

    hand_over("rollback")

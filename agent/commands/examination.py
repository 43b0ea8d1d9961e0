"""What `doctor` does once it knows the settings: one check after the other, each told as it ends."""

from __future__ import annotations

import argparse
import json
import sys
from functools import cache, partial
from pathlib import Path

from agent.config import Config
from agent.doctor import HELD, Check, all_checks, as_json, as_line, as_text, beside_box, needs, run, settings_check
from agent.doctor.checklist import Test
from agent.doctor.progress import Progress
from agent.kiosk.box_sound import open_sound
from agent.signaling.sip.secret import read_secret
from agent.signaling.token.token_source import TokenSource
from agent.terminal import say


def examine(options: argparse.Namespace, config: Config, path: Path, *, as_service: bool) -> list[Check]:
    """Run every check of these settings, and tell what each has found in the form that the options name."""
    tests = [settings_check(path, as_service), *_tests(config)]
    if options.beside:
        tests = beside_box(tests, HELD)
    checks = []
    with Progress(sys.stderr) as progress:
        for check in run(tests, needs=needs(config), on_begin=partial(_begin, options, progress)):
            progress.close()
            checks.append(check)
            _tell(options, check)
    if options.json:
        say(*as_json(checks).split("\n"))
    return checks


def _tests(config: Config) -> list[tuple[str, Test]]:
    @cache
    def get_secret() -> str:
        if config.signaling.is_sip:
            return read_secret(config.sip, config.box.identity)
        return TokenSource(config.token, config.box.identity).fetch()

    return all_checks(config, get_secret, lambda: open_sound(config.sound))


def _begin(options: argparse.Namespace, progress: Progress, name: str) -> None:
    if options.lines:
        say(json.dumps({"testing": name}))
    else:
        progress.begin(name)


def _tell(options: argparse.Namespace, check: Check) -> None:
    if options.lines:
        say(as_line(check))
    elif not options.json:
        say(*as_text(check).split("\n"))

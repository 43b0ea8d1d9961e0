"""Ask for the digits of a door code, and print the lines for config.toml that let it open."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from agent.commands import settings_option
from agent.terminal import say

if TYPE_CHECKING:
    from hw.panel.code_book import CodeSettings, HashedCode


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    settings_option(parser)
    parser.add_argument("name", metavar="NAME", help="whose code it is, as the house is told when it opens")


def perform(options: argparse.Namespace) -> int:
    """Read the digits, at a terminal unseen, and hash them; InvalidArgumentError says what cannot be one.

    Codes of one box share a salt, so the settings are read, if they can be. A code that is there already is refused.
    """
    from agent.errors import InvalidArgumentError
    from hw.panel.code_book import CodeBook

    codes, plain = _codes(options.config)
    digits = _digits()
    hashed = _hashed(digits, codes)
    if digits == plain:
        raise InvalidArgumentError("door.code is this code already; expected another one")
    if (owner := CodeBook("", codes).whose(digits)) is not None:
        raise InvalidArgumentError(f"{owner} has this code already; expected another one")
    say(f"[codes.{_key(options.name)}]", f'hash = "{hashed}"')
    return 0


def _codes(given: Path | None) -> tuple[Mapping[str, CodeSettings], str]:
    """Return the named codes and that of [door], none where no file was named and none can be read. ConfigError."""
    from agent.config.location import settings_file
    from agent.config.part import codes_of
    from agent.errors import ConfigError

    try:
        return codes_of(settings_file(given))
    except ConfigError:
        if given is not None:
            raise
        return {}, ""


def _hashed(digits: str, codes: Mapping[str, CodeSettings]) -> HashedCode:
    from agent.errors import InvalidArgumentError
    from hw.errors import SettingError
    from hw.panel.code_book import HashedCode, hash_code

    salt = next((HashedCode.parse(code.hash).salt for code in codes.values()), None)
    try:
        return hash_code(digits, salt)
    except SettingError as error:
        raise InvalidArgumentError(str(error)) from None


def _digits() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    import getpass

    from agent.errors import InvalidArgumentError

    digits = getpass.getpass("digits: ")
    if getpass.getpass("once more: ") != digits:
        raise InvalidArgumentError("the two are not the same; nothing was made")
    return digits


def _key(name: str) -> str:
    """Write a name as TOML wants it in a table's header."""
    import json
    import re

    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)

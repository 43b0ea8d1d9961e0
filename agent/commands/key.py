"""Make a key to the HTTP interface; print it, which happens only once, and the lines for config.toml."""

from __future__ import annotations

import argparse
import re

from agent.terminal import say

PERMISSIONS = ("look", "talk", "open", "mend")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("name", metavar="NAME", help="what the key is called by: letters, digits, - and _")
    parser.add_argument("--permissions", metavar="LIST", default="look",
                        help="what it allows, with commas: look, talk, open, mend (default: look)")  # fmt: skip


def perform(options: argparse.Namespace) -> int:
    """Make and print it. Raises InvalidArgumentError."""
    from agent.errors import InvalidArgumentError
    from agent.page.api_keys import new_key

    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", options.name):
        raise InvalidArgumentError("NAME: give 1 to 64 letters, digits, - and _")
    permissions = [one.strip() for one in options.permissions.split(",")]
    if unknown := [one for one in permissions if one not in PERMISSIONS]:
        raise InvalidArgumentError(f"--permissions: there is no {unknown[0]!r}; give some of {', '.join(PERMISSIONS)}")
    key, key_hash = new_key()
    listed = ", ".join(f'"{one}"' for one in dict.fromkeys(permissions))
    say(f"# the key, which is not shown again: {key}", f"[api.keys.{options.name}]", f'key_hash = "{key_hash}"',
        f"permissions = [{listed}]")  # fmt: skip
    return 0

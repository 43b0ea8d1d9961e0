"""The files of deploy/kamailio with other values in them, the commands of its units, and its users' program."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Collection, Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
DEPLOYED = ROOT / "deploy" / "kamailio"


def edge_settings(values: Mapping[str, str], switches: Collection[str] = ()) -> str:
    """The shipped site.cfg with these values, and these switches on."""
    text = (DEPLOYED / "site.cfg").read_text()
    for name, value in values.items():
        text, count = re.subn(rf'^(#!substdef "!{name}!).*(!g")$', rf"\g<1>{value}\g<2>", text, flags=re.M)
        assert count == 1, f"site.cfg has no {name}"
    for name in switches:
        text, count = re.subn(rf"^##(!define {name})$", r"#\1", text, flags=re.M)
        assert count == 1, f"site.cfg has no switch {name}"
    return text


def engine_settings(values: Mapping[str, str]) -> str:
    """The shipped rtpengine.conf with these values."""
    text = (DEPLOYED / "rtpengine.conf").read_text()
    for name, value in values.items():
        text, count = re.subn(rf"^{name} = .*$", f"{name} = {value}", text, flags=re.M)
        assert count == 1, f"rtpengine.conf has no {name}"
    return text


def enter_user(where: str, user: str, secret: str) -> None:
    """Add NAME@DOMAIN to the users that are kept there, or give it another secret."""
    subprocess.run((str(DEPLOYED / "site-user"), "add", user), input=secret + "\n", text=True, check=True,
                   capture_output=True, env=os.environ | {"SITE_USERS": where})  # fmt: skip


def words_of(unit: str, folders: Mapping[str, str]) -> list[str]:
    """What a unit starts, with its folders moved."""
    line = next(line for line in (DEPLOYED / unit).read_text().splitlines() if line.startswith("ExecStart="))
    words = shlex.split(line.removeprefix("ExecStart="))
    for before, after in folders.items():
        words = [word.replace(before, after) for word in words]
    return words

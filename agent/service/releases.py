"""The versions that systemd/install.sh keeps: what is asked of the script that stands beside them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

from agent.errors import NotSupportedError

FOLDER = Path("/opt/kiosk-agent")
SCRIPT = "releases.sh"


def hand_over(*words: str, folder: Path = FOLDER) -> NoReturn:
    """Go on as the script, which needs none of the versions; NotSupportedError where nothing is installed.

    This process may run from a folder that is about to go.
    """
    script = folder / SCRIPT
    if not script.exists():
        raise NotSupportedError(f"there is no {script}: the service is not installed here (sudo systemd/install.sh)")
    os.chdir("/")
    os.execv(script, [str(script), *words])


def refused_release(folder: Path = FOLDER) -> str:
    """Return the name of the version that did not get ready and was taken back since the last update; "": none."""
    try:
        return (folder / "refused").readlink().name
    except OSError:
        return ""

"""Who this program is: its version, and how it names itself to servers; the version of the SDK is another thing."""

from __future__ import annotations

import os
from typing import Final

NAME: Final = "kiosk-agent"
VERSION = "0.2.0"  # the only place; setup.cfg reads it without running anything


def platform_name() -> str:
    """Name the machine as a browser would, e.g. `Linux armv7l`."""
    machine = os.uname()
    return f"{machine.sysname} {machine.machine}".strip() or "unknown"


def user_agent() -> str:
    """Name the program as an HTTP header does, e.g. `kiosk-agent/0.2.0 (Linux aarch64)`."""
    return f"{NAME}/{VERSION} ({platform_name()})"

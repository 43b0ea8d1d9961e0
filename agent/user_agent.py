"""How this program names itself to servers: by its own name and version, which have nothing to do with the SDK's."""

from __future__ import annotations

import platform

from agent import __version__


def platform_name() -> str:
    """Name the machine as a browser would, e.g. `Linux armv7l`."""
    return f"{platform.system()} {platform.machine()}".strip() or "unknown"


def user_agent() -> str:
    """Name the program as an HTTP header does, e.g. `kiosk-agent/0.2.0 (Linux aarch64)`."""
    return f"kiosk-agent/{__version__} ({platform_name()})"

"""How this program names itself to the voice service (spec: signaling 7, `listen`)."""

from __future__ import annotations

import platform
from typing import Any

from agent.sdk_version import SDK_VERSION


def platform_name() -> str:
    """The machine as a browser would name it, e.g. `Linux armv7l`."""
    return f"{platform.system()} {platform.machine()}".strip() or "unknown"


def user_agent() -> str:
    """The program as an HTTP header names it, e.g. `kiosk-agent/1.15.1 (Linux aarch64)`."""
    return f"kiosk-agent/{SDK_VERSION} ({platform_name()})"


def browserinfo() -> dict[str, Any]:
    """The member `browserinfo` of `listen`."""
    return {
        "p": "browser",
        "v": SDK_VERSION,
        "browser": {"userAgent": user_agent(), "platform": platform_name()},
        "plugin": "rtc",
    }

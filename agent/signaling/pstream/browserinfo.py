"""How this program presents itself to the voice service: as the SDK it behaves like (spec: signaling 7, `listen`)."""

from __future__ import annotations

from typing import Any

from agent.program import platform_name, user_agent
from agent.sdk_version import SDK_VERSION


def browserinfo() -> dict[str, Any]:
    """Build the member `browserinfo` of `listen`."""
    return {
        "p": "browser",
        "v": SDK_VERSION,
        "browser": {"userAgent": user_agent(), "platform": platform_name()},
        "plugin": "rtc",
    }

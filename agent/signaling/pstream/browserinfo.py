"""How this program presents itself to the voice service: as the SDK it behaves like (spec: signaling 7, `listen`)."""

from __future__ import annotations

from typing import Any

from agent.program import platform_name, user_agent


def first_browserinfo(sdk_version: str) -> dict[str, Any]:
    """Build the member `browserinfo` of `listen` as SDK 1.x does."""
    return {
        "p": "browser",
        "v": sdk_version,
        "browser": {"userAgent": user_agent(), "platform": platform_name()},
        "plugin": "rtc",
    }


def second_browserinfo(sdk_version: str) -> dict[str, Any]:
    """Build the same member as SDK 2.x does."""
    return {
        "browser": {"platform": platform_name(), "userAgent": user_agent()},
        "p": "browser",
        "plugin": "rtc",
        "v": sdk_version,
    }

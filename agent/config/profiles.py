"""Settings that belong together, under one name: what a small board needs stands in the place of four keys. Pure.

A key that the file has itself beats the profile.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PROFILES: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "standard": {},
    "small": {
        "media": {"opus_complexity": 0, "packet_ms": 40},
        "sound": {"period_ms": 20, "noise_suppression": False},
    },
}


def with_profile(tables: Mapping[str, Any]) -> dict[str, Any]:
    """Add what the profile of `[media]` says to the tables of a file; one that does not exist says nothing."""
    media = tables.get("media")
    name = media.get("profile") if isinstance(media, dict) else None
    filled = dict(tables)
    for section, keys in PROFILES.get(name, {}).items() if isinstance(name, str) else ():
        table = filled.get(section, {})
        if isinstance(table, dict):
            filled[section] = {**keys, **table}
    return filled

"""The JSON that Insights takes: one envelope around every event and every list of metrics (spec: insights 2)."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from agent.quality.report_generation import FIRST_REPORTS, ReportGeneration
from agent.sdk_version import SDK_VERSION

PUBLISHER = "twilio-js-sdk"
PLATFORM = "WebRTC"


@dataclass(frozen=True)
class CallFacts:
    """What the default payload says of a call; None is left out."""

    temp_call_sid: str
    direction: str
    call_sid: str | None = None
    audio_codec: str | None = None


@dataclass(frozen=True)
class DeviceFacts:
    """What the default payload says of the Device; None is left out."""

    aggressive_nomination: bool = False
    browser_extension: bool | None = False
    dscp: bool = True
    ice_restart_enabled: bool = False
    gateway: str | None = None
    region: str | None = None
    selected_region: str | None = None
    sdk_version: str = SDK_VERSION


def default_payload(device: DeviceFacts, call: CallFacts | None) -> dict[str, Any]:
    """Collect what every event carries besides its own payload."""
    payload: dict[str, Any] = {
        "aggressive_nomination": device.aggressive_nomination,
        "browser_extension": device.browser_extension,
        "dscp": device.dscp,
        "ice_restart_enabled": device.ice_restart_enabled,
        "platform": PLATFORM,
        "sdk_version": device.sdk_version,
    }
    if call:
        is_real = bool(call.call_sid) and not str(call.call_sid).startswith("TJ")
        payload |= {
            "call_sid": call.call_sid if is_real else None,
            "temp_call_sid": call.temp_call_sid,
            "audio_codec": call.audio_codec,
            "direction": call.direction,
        }
    payload |= {"gateway": device.gateway, "region": device.region, "selected_region": device.selected_region}
    return {name: value for name, value in payload.items() if value is not None}


def envelope(
    group: str,
    name: str,
    level: str,
    payload: Any,
    *,
    unix_ms: float,
    metadata: Mapping[str, Any],
    generation: ReportGeneration = FIRST_REPORTS,
) -> dict[str, Any]:
    """Build one request's body; `payload` is a dict for an event, a list for metrics; `level` in any case."""
    members = {
        "publisher": PUBLISHER,
        "group": group,
        "name": name,
        "timestamp": iso_time(unix_ms),
        "level": _level(level),
        "payload_type": "application/json",
        "private": False,
        "payload": payload,
        "publisher_metadata": {key: value for key, value in metadata.items() if value is not None},
    }
    return {name: members[name] for name in generation.envelope}


def iso_time(unix_ms: float) -> str:
    """Write milliseconds of Unix time as `2023-10-16T12:00:00.000Z`; fractions are cut off."""
    whole_ms = math.floor(unix_ms)
    moment = datetime.fromtimestamp(whole_ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{whole_ms % 1000:03d}Z"


def to_json(document: Any) -> bytes:
    """Write compact JSON with numbers as JavaScript writes them: 5.0 is `5`, what is not finite is null."""
    return json.dumps(_plain(document), ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return None if not math.isfinite(value) else int(value) if value.is_integer() else value
    return value if value is None or isinstance(value, str | int) else str(value)


def _level(level: str) -> str:
    upper = level.upper()
    return "WARNING" if upper == "WARN" else upper

"""A warning about call quality: its public name, and what the program and Insights get (spec: quality 6.4, 6.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agent.quality.sample import round_half_up
from agent.quality.thresholds import ThresholdKind

ICE_CONNECTIVITY_LOST = "ice-connectivity-lost"

_PREFIXES: dict[str, str] = {
    "max": "high-",
    "maxAverage": "high-",
    "min": "low-",
    "minAverage": "low-",
    "maxDuration": "constant-",
    "minStandardDeviation": "constant-",
}
_BASES = {
    "audioInputLevel": "audio-input-level",
    "audioOutputLevel": "audio-output-level",
    "bytesReceived": "bytes-received",
    "bytesSent": "bytes-sent",
    "jitter": "jitter",
    "mos": "mos",
    "rtt": "rtt",
}
_LOSS_BASES = {"max": "packet-loss", "maxAverage": "packets-lost-fraction"}


@dataclass(frozen=True)
class QualityWarning:
    """A limit was passed, or `cleared`; `data` is the SDK's object for the program."""

    stat: str
    kind: ThresholdKind
    data: dict[str, Any]
    cleared: bool = False

    @property
    def name(self) -> str:
        """Public name, e.g. `high-rtt`."""
        return public_name(self.stat, self.kind)

    @property
    def group(self) -> str:
        """Group of its Insights event."""
        prefix = "audio-level" if self.stat.startswith("audio") else "network-quality"
        return f"{prefix}-warning-{'cleared' if self.cleared else 'raised'}"

    @property
    def level(self) -> str:
        """Level of its Insights event: INFO or WARNING."""
        return "INFO" if self.cleared or self.stat == "audioOutputLevel" else "WARNING"

    @property
    def is_public(self) -> bool:
        """Whether the program gets it as `warning`; a constant output level is for Insights only."""
        return self.stat != "audioOutputLevel"

    @property
    def silent_while_muted(self) -> bool:
        """Whether a muted call reports it to nobody: a muted microphone is constant by intent."""
        return self.stat == "audioInputLevel"

    def insights_payload(self) -> dict[str, Any]:
        """Build the payload of its Insights event: limit, and values or value; a value of 0 is left out."""
        data: dict[str, Any] = {}
        if "value" in self.data["threshold"]:
            data["threshold"] = self.data["threshold"]["value"]
        if "values" in self.data:
            data["values"] = [_two_decimals(value) for value in self.data["values"]]
        elif self.data.get("value"):
            data["value"] = self.data["value"]
        return {"data": data}


def public_name(stat: str, kind: str) -> str:
    """Name the warning as programs and Insights know it."""
    base = _LOSS_BASES[kind] if stat == "packetsLostFraction" else _BASES[stat]
    return _PREFIXES[kind] + base


def _two_decimals(value: float) -> float:
    return round_half_up(value * 100) / 100

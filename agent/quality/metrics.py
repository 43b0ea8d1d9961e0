"""Samples on their way to Insights: ten to a request, with the members that the wire wants (spec: insights 6)."""

from __future__ import annotations

from typing import Any

from agent.quality.envelope import iso_time
from agent.quality.report_generation import FIRST_REPORTS, ReportGeneration
from agent.quality.sample import Sample, round_half_up

GROUP = "quality-metrics-samples"
NAME = "metrics-sample"
BATCH = 10

Entry = dict[str, Any]

# What is unknown is left out, but for what the SDK computes: there the unknown comes out as null.
_NULLABLE = ("packets_received", "packets_lost", "bytes_received", "bytes_sent", "mos")


class MetricsBuffer:
    """Collects the samples of one call; whoever adds gets the batch to send when it is full."""

    def __init__(self, generation: ReportGeneration = FIRST_REPORTS) -> None:
        self._pending: list[Entry] = []
        self._sorts = generation.sorts_metrics

    def add(self, sample: Sample, input_volume: float, output_volume: float) -> list[Entry]:
        """Add a sample with the latest volumes (0..1); returns ten entries, or none yet."""
        made = entry(sample, input_volume, output_volume)
        self._pending.append(dict(sorted(made.items())) if self._sorts else made)
        return self.flush() if len(self._pending) >= BATCH else []

    def flush(self) -> list[Entry]:
        """Take what is pending, to be sent when the media of the call closes."""
        pending, self._pending = self._pending, []
        return pending


def entry(sample: Sample, input_volume: float, output_volume: float) -> Entry:
    """Turn one sample into a member of the list."""
    totals = sample["totals"]
    members = {
        "timestamp": iso_time(sample["timestamp"]),
        "total_packets_received": totals["packetsReceived"],
        "total_packets_lost": totals["packetsLost"],
        "total_packets_sent": totals["packetsSent"],
        "total_bytes_received": totals["bytesReceived"],
        "total_bytes_sent": totals["bytesSent"],
        "packets_received": sample["packetsReceived"],
        "packets_lost": sample["packetsLost"],
        "packets_lost_fraction": _two_decimals(sample["packetsLostFraction"]),
        "bytes_received": sample["bytesReceived"],
        "bytes_sent": sample["bytesSent"],
        "audio_codec": sample["codecName"],
        "audio_level_in": sample["audioInputLevel"],
        "audio_level_out": sample["audioOutputLevel"],
        "call_volume_input": input_volume,
        "call_volume_output": output_volume,
        "jitter": sample["jitter"],
        "rtt": sample["rtt"],
        "mos": _two_decimals(sample["mos"]),
    }
    return {name: value for name, value in members.items() if value is not None or name in _NULLABLE}


def with_call(entries: list[Entry], **members: Any) -> list[Entry]:
    """Append members about the call to each entry; a member without a value is left out."""
    given = {name: value for name, value in members.items() if value is not None}
    return [each | given for each in entries]


def _two_decimals(value: float | None) -> float | None:
    return None if value is None else round_half_up(value * 100) / 100

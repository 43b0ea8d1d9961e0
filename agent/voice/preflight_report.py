"""What a test call found out: the figures and the judgement, without any I/O (spec: device 13)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from agent.quality.sample import Sample

EXCELLENT: Final = "excellent"
GREAT: Final = "great"
GOOD: Final = "good"
FAIR: Final = "fair"
DEGRADED: Final = "degraded"

_STATS: Final = ("jitter", "mos", "rtt")
_TOTALS_DIGITS: Final = 5


def call_quality(mos: float) -> str:
    """Judge a mean MOS. The SDK's ranges have gaps (4.05, 3.65), which it calls degraded; here none."""
    if mos > 4.2:
        return EXCELLENT
    if mos >= 4.05:
        return GREAT
    if mos >= 3.65:
        return GOOD
    return FAIR if mos >= 3.05 else DEGRADED


def statistics(samples: Sequence[Sample]) -> dict[str, dict[str, float]] | None:
    """Compute mean, least and most of jitter, mos and rtt from the first sample with a usable MOS on; else None."""
    first = next((n for n, sample in enumerate(samples) if (sample["mos"] or 0) > 0), None)
    if first is None:
        return None
    return {name: _summary([_number(sample, name) for sample in samples[first:]]) for name in _STATS}


def is_turn_required(pair: tuple[Any, Any] | None) -> bool | None:
    """Tell whether the audio went through a TURN server; None when no path was found."""
    return None if pair is None else any(candidate.type == "relay" for candidate in pair)


def preflight_report(
    *,
    call_sid: str | None,
    edge: str | None,
    selected_edge: Any,
    samples: Sequence[Sample],
    pair: tuple[Any, Any] | None,
    candidates: Sequence[Mapping[str, Any]],
    network_timing: Mapping[str, Any],
    started_ms: float,
    ended_ms: float,
    warnings: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Build the SDK's report, with its names."""
    stats = statistics(samples)
    report: dict[str, Any] = {
        "callSid": call_sid,
        "edge": edge,
        "iceCandidateStats": list(candidates),
        "networkTiming": dict(network_timing),
        "samples": list(samples),
        "selectedEdge": selected_edge,
        "stats": stats,
        "testTiming": {"start": started_ms, "end": ended_ms, "duration": ended_ms - started_ms},
        "totals": samples[-1]["totals"] if samples else None,
        "warnings": list(warnings),
    }
    if pair is not None:
        report["selectedIceCandidatePairStats"] = {"localCandidate": vars(pair[0]), "remoteCandidate": vars(pair[1])}
        report["isTurnRequired"] = is_turn_required(pair)
    if stats is not None:
        report["callQuality"] = call_quality(stats["mos"]["average"])
    return report


def _number(sample: Sample, name: str) -> float:
    value: float | None = sample[name]  # type: ignore[literal-required]
    return value if value is not None else 0.0


def _summary(values: Sequence[float]) -> dict[str, float]:
    average = float(f"{sum(values) / len(values):.{_TOTALS_DIGITS}g}")
    return {"average": average, "max": max(values), "min": min(values)}

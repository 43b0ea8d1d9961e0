"""Watches the samples of one call and warns when its quality passes a limit (spec: quality 1, 3, 6).

Fed with raw counters once a second, it answers with the sample and with the warnings that the sample raised or
cleared, in the order of the thresholds. A warning is raised once until cleared, and cleared 5 s later at the earliest.
While warnings are off, samples are collected all the same.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from agent.quality.mos import Score, mos
from agent.quality.sample import CallCounters, Sample, make_sample
from agent.quality.thresholds import DEFAULT_THRESHOLDS, Threshold
from agent.quality.warnings import QualityWarning

SAMPLE_INTERVAL_S = 1.0
WARNINGS_DELAY_S = 5.0  #: from the construction of a call until its warnings are switched on
LEAST_BUFFER = 5
CLEAR_AFTER_S = 5.0
MAX_LEVELS_PER_SAMPLE = 200

_Judgement = tuple[bool, bool, dict[str, Any]]  #: raise it, clear it, data about it


class StatsMonitor:
    """The pure core: no clock, no timer, no connection."""

    def __init__(self, thresholds: Sequence[Threshold] = DEFAULT_THRESHOLDS, score: Score = mos) -> None:
        """`score` computes the MOS, by the generation."""
        self._score = score
        self._thresholds = tuple(thresholds)
        self._listed = _listed_stats(self._thresholds)
        windows = [each.sample_count or 0 for each in thresholds if each.stat not in self._listed]
        self._samples: deque[Sample] = deque(maxlen=max([LEAST_BUFFER, *windows]))
        self._inputs: deque[float] = deque(maxlen=MAX_LEVELS_PER_SAMPLE)
        self._outputs: deque[float] = deque(maxlen=MAX_LEVELS_PER_SAMPLE)
        self._levels: dict[str, deque[list[float]]] = {
            stat: deque(maxlen=self._samples.maxlen) for stat in ("audioInputLevel", "audioOutputLevel")
        }
        self._streaks: dict[str, int] = {}
        self._raised_at: dict[tuple[str, str], float] = {}
        self._warnings_enabled = False

    @property
    def latest(self) -> Sample | None:
        """The newest sample."""
        return self._samples[-1] if self._samples else None

    def enable_warnings(self) -> None:
        """Warn from the next sample on."""
        self._warnings_enabled = True

    def disable_warnings(self) -> None:
        """Warn no more, and forget what was raised without clearing it."""
        self._warnings_enabled = False
        self._raised_at.clear()

    def add_levels(self, input_level: float, output_level: float) -> None:
        """Record one pair of levels (0..32767), about every 50 ms."""
        self._inputs.append(input_level)
        self._outputs.append(output_level)

    def add(self, raw: CallCounters, now: float) -> tuple[Sample, list[QualityWarning]]:
        """Take the counters of this second; the warnings belong before the sample."""
        inputs, outputs = list(self._inputs), list(self._outputs)
        self._inputs.clear()
        self._outputs.clear()
        sample = make_sample(raw, self.latest, inputs, outputs, self._score)
        self._samples.append(sample)
        self._levels["audioInputLevel"].append(inputs)
        self._levels["audioOutputLevel"].append(outputs)
        return sample, self._evaluate(now) if self._warnings_enabled else []

    def _evaluate(self, now: float) -> list[QualityWarning]:
        warnings = (self._judge(threshold, now) for threshold in self._thresholds)
        return [warning for warning in warnings if warning is not None]

    def _judge(self, threshold: Threshold, now: float) -> QualityWarning | None:
        window = list(self._samples)[-(threshold.sample_count or len(self._samples)) :]
        values = [_value(sample, threshold.stat) for sample in window]
        if any(value is None for value in values):
            return None
        verdict = _JUDGES[threshold.kind](self, threshold, values)
        if verdict is None:
            return None
        is_bad, is_good, data = verdict
        if "values" in data:
            data["samples"] = window
        return self._raise_or_clear(threshold, is_bad, is_good, data, now)

    def _raise_or_clear(
        self, threshold: Threshold, is_bad: bool, is_good: bool, data: dict[str, Any], now: float
    ) -> QualityWarning | None:
        key = (threshold.stat, threshold.kind)
        raised_at = self._raised_at.get(key)
        if is_bad and raised_at is None:
            self._raised_at[key] = now
            return self._warning(threshold, data, cleared=False)
        if is_good and not is_bad and raised_at is not None and now - raised_at >= CLEAR_AFTER_S:
            del self._raised_at[key]
            return self._warning(threshold, data, cleared=True)
        return None

    def _warning(self, threshold: Threshold, data: dict[str, Any], *, cleared: bool) -> QualityWarning:
        limit: dict[str, Any] = {"name": threshold.kind, "value": threshold.limit}
        if cleared and threshold.stat in self._listed:
            del limit["value"]  # as in the SDK, whose clear event finds no limit among several
        data |= {"name": threshold.stat, "threshold": limit}
        return QualityWarning(threshold.stat, threshold.kind, data, cleared)

    def _count_above(self, threshold: Threshold, values: list[float]) -> _Judgement:
        return _by_count(threshold, sum(value > threshold.limit for value in values), values)

    def _count_below(self, threshold: Threshold, values: list[float]) -> _Judgement:
        return _by_count(threshold, sum(value < threshold.limit for value in values), values)

    def _mean_above(self, threshold: Threshold, values: list[float]) -> _Judgement | None:
        return self._by_mean(threshold, values, lambda mean, limit: mean > limit)

    def _mean_below(self, threshold: Threshold, values: list[float]) -> _Judgement | None:
        return self._by_mean(threshold, values, lambda mean, limit: mean < limit)

    def _by_mean(
        self, threshold: Threshold, values: list[float], passes: Callable[[float, float], bool]
    ) -> _Judgement | None:
        if len(values) < (threshold.sample_count or self._samples.maxlen or 0):
            return None
        mean = sum(values) / len(values)
        clear_value = threshold.limit if threshold.clear_value is None else threshold.clear_value
        return passes(mean, threshold.limit), not passes(mean, clear_value), {"values": values}

    def _streak(self, threshold: Threshold, _values: list[float]) -> _Judgement | None:
        if len(self._samples) < 2:
            return None
        before, now = _value(self._samples[-2], threshold.stat), _value(self._samples[-1], threshold.stat)
        previous = self._streaks.get(threshold.stat, 0)
        streak = previous + 1 if before == now else 0
        self._streaks[threshold.stat] = streak
        return streak >= threshold.limit, streak == 0, {"value": streak or previous}

    def _deviation(self, threshold: Threshold, _values: list[float]) -> _Judgement | None:
        periods = list(self._levels.get(threshold.stat, ()))
        window = threshold.sample_count or self._samples.maxlen or 0
        levels = [level for period in periods[-window:] for level in period]
        if len(periods) < window or not levels:
            return None
        deviation = standard_deviation(levels)
        return deviation < threshold.limit, deviation >= threshold.limit, {"value": deviation}


_JUDGES: dict[str, Callable[[StatsMonitor, Threshold, list[Any]], _Judgement | None]] = {
    "max": StatsMonitor._count_above,
    "min": StatsMonitor._count_below,
    "maxAverage": StatsMonitor._mean_above,
    "minAverage": StatsMonitor._mean_below,
    "maxDuration": StatsMonitor._streak,
    "minStandardDeviation": StatsMonitor._deviation,
}


def standard_deviation(values: Sequence[float]) -> float:
    """Compute it of the whole population."""
    mean = sum(values) / len(values)
    return math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))


def _by_count(threshold: Threshold, bad: int, values: list[float]) -> _Judgement:
    return bad >= threshold.raise_count, bad <= threshold.clear_count, {"values": values}


def _value(sample: Sample, stat: str) -> Any:
    return sample[stat]  # type: ignore[literal-required]


def _listed_stats(thresholds: Sequence[Threshold]) -> set[str]:
    """Stats with more than one limit."""
    stats = [threshold.stat for threshold in thresholds]
    return {stat for stat in stats if stats.count(stat) > 1}

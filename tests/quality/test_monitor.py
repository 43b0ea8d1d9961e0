"""Samples and warnings against the SDK's vectors (spec: oracle 6; quality 3 and 6.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from agent.quality.monitor import StatsMonitor, standard_deviation
from agent.quality.thresholds import DEFAULT_THRESHOLDS, Threshold
from agent.quality.warnings import QualityWarning


@dataclass
class Counters:
    """Counters of a healthy call, which a test spoils."""

    timestamp_ms: float = 0
    jitter_ms: float | None = 0
    packets_lost: int | None = 0
    packets_received: int | None = 0
    bytes_received: int | None = 0
    packets_sent: int | None = 0
    bytes_sent: int | None = 0
    codec_name: str | None = "opus"
    rtt_ms: float | None = 50


@dataclass
class Call:
    """A call sampled once a second with warnings on from the start; `events` are (second, "raise"/"clear", name)."""

    thresholds: tuple[Threshold, ...] = DEFAULT_THRESHOLDS
    counters: Counters = field(default_factory=Counters)
    second: int = 0
    warnings: list[QualityWarning] = field(default_factory=list)
    events: list[tuple[int, str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.monitor = StatsMonitor(self.thresholds)
        self.monitor.enable_warnings()

    def tick(self, **changes: Any) -> dict[str, Any]:
        """One second of 50 packets, with these counters set or, for those that count, increased."""
        self.second += 1
        counters = self.counters
        increments = {"packets_lost": 0, "packets_received": 50, "bytes_received": 8600, "packets_sent": 50}
        increments |= {"bytes_sent": 8600} | changes
        for name in ("packets_lost", "packets_received", "bytes_received", "packets_sent", "bytes_sent"):
            setattr(counters, name, getattr(counters, name) + increments.pop(name))
        for name, value in increments.items():
            setattr(counters, name, value)
        sample, warnings = self.monitor.add(counters, float(self.second))
        self.warnings += warnings
        self.events += [(self.second, "clear" if each.cleared else "raise", each.name) for each in warnings]
        return dict(sample)

    def run(self, values: Iterable[Any], name: str) -> None:
        for value in values:
            self.tick(**{name: value})


def values(call: Call, index: int) -> list[float]:
    found: list[float] = call.warnings[index].data["values"]
    return found


# Samples


def test_a_sample_carries_what_changed_since_the_one_before():
    call = Call()
    first = call.tick(packets_lost=1, packets_received=49, rtt_ms=77, jitter_ms=3)
    assert (first["packetsLost"], first["packetsLostFraction"], first["mos"]) == (1, 2, None)
    assert first["totals"]["packetsLostFraction"] == 2

    second = call.tick(packets_lost=2, packets_received=48, rtt_ms=None, jitter_ms=3)
    assert (second["packetsLost"], second["packetsLostFraction"]) == (2, 4)
    assert second["rtt"] == 77
    assert second["mos"] == 4.112901117533851
    assert second["totals"]["packetsLostFraction"] == 3

    third = call.tick(packets_lost=-1, packets_received=51, rtt_ms=77, jitter_ms=3)
    assert (third["packetsLost"], third["packetsLostFraction"], third["mos"]) == (-1, -2, None)
    assert third["totals"]["packetsLostFraction"] == 1.3333333333333335


def test_nothing_sent_or_received_yet_is_no_loss_now_but_total_loss():
    sample, _ = StatsMonitor().add(Counters(), 0)
    assert (sample["packetsLostFraction"], sample["mos"], sample["totals"]["packetsLostFraction"]) == (0, None, 100)


def test_a_sample_has_the_sdk_s_members_in_the_sdk_s_order():
    sample, _ = StatsMonitor().add(Counters(), 0)
    assert list(sample) == [
        "audioInputLevel",
        "audioOutputLevel",
        "bytesReceived",
        "bytesSent",
        "codecName",
        "jitter",
        "mos",
        "packetsLost",
        "packetsLostFraction",
        "packetsReceived",
        "packetsSent",
        "rtt",
        "timestamp",
        "totals",
    ]
    assert list(sample["totals"]) == (
        ["bytesReceived", "bytesSent", "packetsLost", "packetsLostFraction", "packetsReceived", "packetsSent"]
    )


def test_unknown_counters_stay_unknown():
    unknown = Counters(0, None, None, None, None, None, None, None, None)
    monitor = StatsMonitor()
    monitor.enable_warnings()
    for second in range(20):
        sample, warnings = monitor.add(unknown, second)
        assert warnings == []
    assert (sample["bytesSent"], sample["rtt"], sample["mos"], sample["packetsLostFraction"]) == (None, None, None, 0)


def test_levels_are_the_means_since_the_sample_before():
    monitor = StatsMonitor()
    for pair in ((100, 150), (200, 250), (300, 350)):
        monitor.add_levels(*pair)
    sample, _ = monitor.add(Counters(), 1)
    assert (sample["audioInputLevel"], sample["audioOutputLevel"]) == (200, 250)
    for pair in ((400, 450), (500, 550), (600, 650)):
        monitor.add_levels(*pair)
    sample, _ = monitor.add(Counters(), 2)
    assert (sample["audioInputLevel"], sample["audioOutputLevel"]) == (500, 550)
    sample, _ = monitor.add(Counters(), 3)
    assert sample["audioInputLevel"] == 0


def test_levels_are_rounded_half_up():
    monitor = StatsMonitor()
    monitor.add_levels(2, 0)
    monitor.add_levels(3, 1)
    sample, _ = monitor.add(Counters(), 1)
    assert (sample["audioInputLevel"], sample["audioOutputLevel"]) == (3, 1)


# The SDK's default limits


def test_jitter_is_high_after_three_bad_seconds_and_clear_after_ten_good_ones():
    call = Call()
    call.run([5, 5, 31, 31, 31] + [5] * 15, "jitter_ms")
    assert call.events == [(5, "raise", "high-jitter"), (15, "clear", "high-jitter")]
    assert values(call, 0) == [5, 5, 31, 31, 31]
    assert values(call, 1) == [5] * 10


def test_a_long_way_is_reported():
    call = Call()
    call.run([401] * 9, "rtt_ms")
    assert call.events == [(3, "raise", "high-rtt")]
    assert values(call, 0) == [401, 401, 401]


def test_the_limit_itself_is_not_beyond_the_limit():
    call = Call()
    call.run([400] * 20, "rtt_ms")
    assert call.events == []


def test_a_low_score_waits_for_ten_scores():
    call = Call()
    call.counters.jitter_ms = 5
    call.run([500] * 12, "rtt_ms")
    assert call.events == [(3, "raise", "high-rtt"), (11, "raise", "low-mos")]
    assert values(call, 1) == [2.826152603570176] * 10


def test_bytes_are_missed_in_three_seconds_and_clear_five_seconds_later():
    call = Call()
    call.run([8600] * 5 + [0] * 4 + [8600] * 8, "bytes_sent")
    assert call.events == [(8, "raise", "low-bytes-sent"), (13, "clear", "low-bytes-sent")]
    assert values(call, 0) == [0, 0, 0]
    assert values(call, 1) == [8600, 8600, 8600]


def test_one_second_with_bytes_clears_after_the_five():
    call = Call()
    call.run([8600] * 5 + [0] * 9 + [8600] * 3, "bytes_sent")
    assert call.events == [(8, "raise", "low-bytes-sent"), (15, "clear", "low-bytes-sent")]
    assert values(call, 1) == [0, 0, 8600]


def test_loss_is_judged_by_seconds_and_by_its_mean():
    call = Call()
    for second in range(1, 22):
        lost = 2 if second <= 10 else 0
        call.tick(packets_lost=lost, packets_received=50 - lost)
    assert call.events == [
        (3, "raise", "high-packet-loss"),
        (7, "raise", "high-packets-lost-fraction"),
        (16, "clear", "high-packets-lost-fraction"),
        (20, "clear", "high-packet-loss"),
    ]
    assert values(call, 0) == [4, 4, 4]
    assert values(call, 1) == [4] * 7
    assert values(call, 2) == [4, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("level_at", "raised"),
    [
        (lambda i: 1000, True),
        (lambda i: 655 * (i % 2), True),
        (lambda i: 656 * (i % 2), False),
    ],
)
def test_levels_that_hardly_move_are_reported_after_ten_seconds(level_at, raised):
    call = Call()
    for _second in range(12):
        for i in range(20):
            call.monitor.add_levels(level_at(i), 2 * level_at(i))
        call.tick()
    names = [event for event in call.events if event[2] == "constant-audio-input-level"]
    assert names == ([(10, "raise", "constant-audio-input-level")] if raised else [])


def test_digital_silence_is_constant_on_both_sides():
    call = Call()
    for _second in range(10):
        call.monitor.add_levels(0, 0)
        call.tick()
    assert [(second, name) for second, _, name in call.events] == [
        (10, "constant-audio-input-level"),
        (10, "constant-audio-output-level"),
    ]
    assert call.warnings[0].data["value"] == 0


def test_without_any_level_nothing_is_constant():
    call = Call()
    for _second in range(15):
        call.tick()
    assert call.events == []


# The engine, with limits of one's own


def jitter(kind: str, limit: float, **more: Any) -> Callable[[list[float]], Call]:
    def run(series: list[float]) -> Call:
        call = Call((Threshold("jitter", kind, limit, **more),))  # type: ignore[arg-type]
        call.run(series, "jitter_ms")
        return call

    return run


@pytest.mark.parametrize(
    ("kind", "limit", "series", "raised"),
    [
        ("max", 30, [31] * 3, True),
        ("max", 30, [30] * 3, False),
        ("max", 30, [31] * 2, False),
        ("min", 10, [9] * 3, True),
        ("min", 10, [10] * 3, False),
        ("min", 10, [9] * 2, False),
    ],
)
def test_a_limit_is_passed_by_three_values_beyond_it(kind, limit, series, raised):
    call = jitter(kind, limit)(series)
    assert len(call.warnings) == raised
    if raised:
        assert call.warnings[0].data["threshold"] == {"name": kind, "value": limit}
        assert len(values(call, 0)) == 3


def test_the_count_that_raises_can_be_set():
    assert len(jitter("max", 30, raise_count=2)([31, 31]).warnings) == 1


def test_a_window_smaller_than_the_count_never_raises():
    assert not jitter("max", 30, sample_count=3, raise_count=4)([31] * 4).warnings


def test_a_value_that_repeats_itself_is_counted():
    call = jitter("maxDuration", 2)([7, 7, 7])
    assert [warning.data["value"] for warning in call.warnings] == [2]


def test_a_value_that_changes_is_not_constant():
    assert not jitter("maxDuration", 2)([1, 2, 3, 4]).warnings


def test_a_constant_value_clears_when_it_changes():
    call = jitter("maxDuration", 2)([7] * 7 + [8, 9])
    assert [(event[0], event[1]) for event in call.events] == [(3, "raise"), (8, "clear")]
    assert call.warnings[1].data["value"] == 6


def test_a_mean_needs_a_full_window():
    call = jitter("maxAverage", 3, clear_value=1, sample_count=7)([0, 10, 20, 30, 40, 50, 60])
    assert call.events == [(7, "raise", "high-jitter")]
    assert values(call, 0) == [0, 10, 20, 30, 40, 50, 60]
    call.run([0] * 10, "jitter_ms")
    assert [event[1] for event in call.events] == ["raise", "clear"]


def test_a_low_mean_is_found_too():
    call = jitter("minAverage", 10, sample_count=5)([9] * 5 + [20] * 10)
    assert [event[:2] for event in call.events] == [(5, "raise"), (10, "clear")]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (2, [("max", 1, [2, 2, 2])]),
        (5, [("max", 1, [5, 5, 5]), ("maxAverage", 3, [5] * 7)]),
    ],
)
def test_several_limits_on_one_value_are_judged_apart(value, expected):
    limits = (Threshold("jitter", "max", 1), Threshold("jitter", "maxAverage", 3, clear_value=1, sample_count=7))
    call = Call((*limits, Threshold("rtt", "max", 400, sample_count=10)))
    call.run([value] * 10, "jitter_ms")
    seen = [(each.kind, each.data["threshold"]["value"], each.data["values"]) for each in call.warnings]
    assert seen == expected


# Switching


def test_disabled_warnings_stay_silent_but_samples_are_kept():
    call = Call()
    call.monitor.disable_warnings()
    call.run([401] * 3, "rtt_ms")
    assert call.warnings == []
    call.monitor.enable_warnings()
    call.run([401] * 3, "rtt_ms")
    assert [event[0] for event in call.events] == [4]


def test_disabling_forgets_what_was_raised():
    call = Call()
    call.run([401] * 3, "rtt_ms")
    call.monitor.disable_warnings()
    call.monitor.enable_warnings()
    call.run([401] * 3, "rtt_ms")
    assert [warning.name for warning in call.warnings] == ["high-rtt"] * 2


def test_a_lost_measure_suspends_its_limit():
    call = Call()
    call.counters.jitter_ms = None
    for _ in range(10):
        call.tick()
    call.run([31] * 9, "jitter_ms")
    assert call.events == []
    call.tick(jitter_ms=31)
    assert call.events == [(20, "raise", "high-jitter")]


# Arithmetic


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([0, 655] * 100, 327.5),
        ([0, 656] * 100, 328),
        ([1000] * 200, 0),
        ([0] * 180 + [1000] * 20, 300),
        ([0] * 190 + [2000] * 10, 435.88989435406734),
    ],
)
def test_the_deviation_is_that_of_a_population(levels, expected):
    assert standard_deviation(levels) == expected


@pytest.mark.parametrize(
    ("spoilt", "name", "window"),
    [
        ({"bytes_received": 0}, "low-bytes-received", 3),
        ({"bytes_sent": 0}, "low-bytes-sent", 3),
        ({"rtt_ms": 900}, "high-rtt", 10),
        ({"jitter_ms": 90}, "high-jitter", 10),
    ],
)
def test_a_warning_carries_the_samples_that_it_was_judged_by(spoilt: dict[str, Any], name: str, window: int) -> None:
    call = Call()
    samples = [call.tick() for _ in range(12)] + [call.tick(**spoilt) for _ in range(3)]

    data = next(each.data for each in call.warnings if each.name == name)
    assert [sample["timestamp"] for sample in data["samples"]] == [sample["timestamp"] for sample in samples[-window:]]
    assert data["samples"] == samples[-window:] and len(data["values"]) == window

"""A box as families of figures, in the names and units that Prometheus asks for. Pure.

Base units, `_total` for what is counted, one label where a figure has kinds (Prometheus, "Metric and label naming").
No label has a name of anybody who calls: there would be as many series as callers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from agent.house.metrics.counts import MOS_LIMITS, HouseCounts

SOUND_STATES = ("open", "opening", "lost", "closed")
LINE_STATES = ("ringing", "dialling", "in_call", "reconnecting")
# Of the call that is on: the name of the figure, its key on the page, what makes its unit of it, what it is.
_QUALITY = (
    ("kiosk_call_mos", "mos", 1.0, "Voice quality of the call that is on, 1 to 5"),
    ("kiosk_call_loss_ratio", "loss_percent", 0.01, "Share of packets lost in the last second"),
    ("kiosk_call_jitter_seconds", "jitter_ms", 0.001, "Jitter (RFC 3550)"),
    ("kiosk_call_rtt_seconds", "rtt_ms", 0.001, "Round-trip time"),
)


def families(
    status: Mapping[str, Any], parts: Mapping[str, Mapping[str, Any]], doors: Mapping[str, bool], counts: HouseCounts
) -> Iterator[Metric]:
    """Make every family of this moment: the status as the page has it, the supervisor's parts, doors, and counts."""
    about = {"identity": status["identity"], "version": status["version"]}
    yield _gauge("kiosk_info", "What this box is", [(about, 1)])
    yield _one("kiosk_up_seconds", "Time since the program began", status["up_s"])
    yield _one("kiosk_registered", "1 while calls can come", status["service"]["ready"])
    yield _one("kiosk_do_not_disturb", "1 while calls are not wanted", "do_not_disturb" in status["states"])
    yield _one("kiosk_volume_ratio", "Volume of the speaker", (status.get("volume_percent") or 0) / 100)
    yield _one("kiosk_troubles", "How much needs the installer", len(status["troubles"]))
    sound = status["sound"]["state"]
    yield _gauge("kiosk_sound_state", "1 for the state that the sound card is in",
                 [({"state": one}, one == sound) for one in SOUND_STATES])  # fmt: skip
    yield _gauge("kiosk_line_state", "1 for what the calls are doing",
                 [({"state": one}, one in status["states"]) for one in LINE_STATES])  # fmt: skip
    yield _gauge("kiosk_door_open", "1 while a door is released", [({"door": one}, on) for one, on in doors.items()])
    yield from _parts(parts)
    yield from _call(status.get("call"))
    yield from _counted(counts)


def _parts(parts: Mapping[str, Mapping[str, Any]]) -> Iterator[Metric]:
    yield _gauge("kiosk_part_up", "1 while a part of the program works, pins among them",
                 [({"part": name}, one["up"]) for name, one in parts.items()])  # fmt: skip
    yield _counter("kiosk_part_restarts", "Restarts of a part",
                   [({"part": name}, one["restarts"]) for name, one in parts.items()])  # fmt: skip


def _call(call: Mapping[str, Any] | None) -> Iterator[Metric]:
    for name, key, factor, what in _QUALITY:
        value = (call or {}).get(key)
        yield _gauge(name, what, [({}, value * factor)] if value is not None else [])


def _counted(counts: HouseCounts) -> Iterator[Metric]:
    yield _counter("kiosk_calls", "Calls that are over, by how they ended",
                   [({"direction": way, "outcome": end}, n) for (way, end), n in counts.calls.items()])  # fmt: skip
    yield _counter("kiosk_talk_seconds", "Time that was talked",
                   [({"direction": way}, n) for way, n in counts.talk_s.items()])  # fmt: skip
    yield _counter("kiosk_recoveries", "How often a call had to be saved, by what was lost",
                   [({"cause": cause}, n) for cause, n in counts.recoveries.items()])  # fmt: skip
    yield _counter("kiosk_events", "What happened", [({"event": name}, n) for name, n in counts.happenings.items()])
    up_to = [*zip(map(str, MOS_LIMITS), accumulate(counts.mos), strict=True), ("+Inf", sum(counts.mos))]
    yield HistogramMetricFamily("kiosk_mos", "Seconds of calls by their voice quality", buckets=up_to,
                                sum_value=counts.mos_sum)  # fmt: skip


_Values = Iterable[tuple[Mapping[str, str], float]]


def _one(name: str, what: str, value: float) -> Metric:
    return _gauge(name, what, [({}, value)])


def _gauge(name: str, what: str, values: _Values) -> Metric:
    return _filled(GaugeMetricFamily(name, what), name, values)


def _counter(name: str, what: str, values: _Values) -> Metric:
    return _filled(CounterMetricFamily(name, what), f"{name}_total", values)


def _filled(family: Metric, name: str, values: _Values) -> Metric:
    for labels, value in values:
        family.add_sample(name, dict(labels), float(value))
    return family

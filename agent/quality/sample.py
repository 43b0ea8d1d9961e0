"""One second of a call in numbers (spec: quality 3). The keys are the SDK's, for programs and for the wire alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol, TypedDict

from agent.quality.mos import Score, mos


class CallCounters(Protocol):
    """What the media of a call counts; counters grow from the start of the call, None is unknown."""

    @property
    def timestamp_ms(self) -> float: ...
    @property
    def jitter_ms(self) -> float | None: ...
    @property
    def packets_lost(self) -> int | None: ...
    @property
    def packets_received(self) -> int | None: ...
    @property
    def bytes_received(self) -> int | None: ...
    @property
    def packets_sent(self) -> int | None: ...
    @property
    def bytes_sent(self) -> int | None: ...
    @property
    def codec_name(self) -> str | None: ...
    @property
    def rtt_ms(self) -> float | None: ...


class Totals(TypedDict):
    """Counters since the start of the call; the fraction in percent."""

    bytesReceived: int | None
    bytesSent: int | None
    packetsLost: int | None
    packetsLostFraction: float
    packetsReceived: int | None
    packetsSent: int | None


class Sample(TypedDict):
    """What `sample` carries: counters since the previous sample, times in ms, fraction in percent, levels 0..32767."""

    audioInputLevel: int
    audioOutputLevel: int
    bytesReceived: int | None
    bytesSent: int | None
    codecName: str | None
    jitter: float | None
    mos: float | None
    packetsLost: int | None
    packetsLostFraction: float
    packetsReceived: int | None
    packetsSent: int | None
    rtt: float | None
    timestamp: float
    totals: Totals


def make_sample(
    raw: CallCounters,
    previous: Sample | None,
    input_levels: Sequence[float] = (),
    output_levels: Sequence[float] = (),
    score: Score = mos,
) -> Sample:
    """Make the sample after `previous`; the levels (0..32767) are those recorded since then."""
    before = previous["totals"] if previous else None
    lost = _since(before and before["packetsLost"], raw.packets_lost)
    received = _since(before and before["packetsReceived"], raw.packets_received)
    loss_percent = _percent(lost, received, of_nothing=0)
    rtt_ms = raw.rtt_ms if raw.rtt_ms is not None or previous is None else previous["rtt"]
    return Sample(
        audioInputLevel=_mean_level(input_levels),
        audioOutputLevel=_mean_level(output_levels),
        bytesReceived=_since(before and before["bytesReceived"], raw.bytes_received),
        bytesSent=_since(before and before["bytesSent"], raw.bytes_sent),
        codecName=raw.codec_name,
        jitter=raw.jitter_ms,
        mos=score(rtt_ms, raw.jitter_ms, loss_percent if previous else None),
        packetsLost=lost,
        packetsLostFraction=loss_percent,
        packetsReceived=received,
        packetsSent=_since(before and before["packetsSent"], raw.packets_sent),
        rtt=rtt_ms,
        timestamp=raw.timestamp_ms,
        totals=_totals(raw),
    )


def round_half_up(value: float) -> int:
    """Round to the nearest integer, halves towards plus infinity, as JavaScript does."""
    return math.floor(value + 0.5)


def _totals(raw: CallCounters) -> Totals:
    return Totals(
        bytesReceived=raw.bytes_received,
        bytesSent=raw.bytes_sent,
        packetsLost=raw.packets_lost,
        packetsLostFraction=_percent(raw.packets_lost, raw.packets_received, of_nothing=100),
        packetsReceived=raw.packets_received,
        packetsSent=raw.packets_sent,
    )


def _since(before: int | None, now: int | None) -> int | None:
    return None if now is None else now - (before or 0)


def _percent(lost: int | None, received: int | None, *, of_nothing: float) -> float:
    if lost is None or received is None or received + lost <= 0:
        return of_nothing
    return lost / (received + lost) * 100


def _mean_level(levels: Sequence[float]) -> int:
    return round_half_up(sum(levels) / len(levels)) if levels else 0

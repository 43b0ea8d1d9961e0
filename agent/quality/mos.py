"""Mean opinion score of a call as the SDK of either generation computes it (spec: quality 5).

A simplified E-model: an R factor falls with the effective latency and with loss, and a polynomial makes of it a score
between 1 and 4.6. The steps at 1000 ms and at 37 % loss, and the missing score for very small R, are those of SDK 1.x;
in 2.x a worse call never has a better score.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

Score = Callable[[object, object, object], float | None]

_R0 = 94.768
_LEAST_R: Final = 6.52  # in 2.x, of a call with some loss: about the least for which the polynomial is above 1


def mos(rtt_ms: object, jitter_ms: object, loss_percent: object) -> float | None:
    """Score from 1.0 up to 4.6; None when an input is not a number from 0 up, or the result is not a score."""
    if not (_is_measure(rtt_ms) and _is_measure(jitter_ms) and _is_measure(loss_percent)):
        return None
    return _score(float(rtt_ms), float(jitter_ms), float(loss_percent))  # type: ignore[arg-type]


def later_mos(rtt_ms: object, jitter_ms: object, loss_percent: object) -> float | None:
    """Score from 1.0 up to 4.5, as SDK 2.x does; None when an input is not a number from 0 up."""
    if not (_is_measure(rtt_ms) and _is_measure(jitter_ms) and _is_measure(loss_percent)):
        return None
    latency_ms = float(rtt_ms) + float(jitter_ms) * 2 + 10  # type: ignore[arg-type]
    r = _r_of_latency(latency_ms) if latency_ms < 1000 else 0.0
    loss = float(loss_percent)  # type: ignore[arg-type]
    return _polynomial(max(r - loss * 2.5, _LEAST_R) if loss <= r / 2.5 else 0.0)


def _is_measure(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0


def _score(rtt_ms: float, jitter_ms: float, loss_percent: float) -> float | None:
    r = _r_of_latency(rtt_ms + jitter_ms * 2 + 10)
    r -= loss_percent * _loss_weight(r, loss_percent)
    score = _polynomial(r)
    return score if 1.0 <= score < 4.6 else None


def _polynomial(r: float) -> float:
    return 1 + 0.035 * r + 0.000007 * r * (r - 60) * (100 - r)


def _r_of_latency(latency_ms: float) -> float:
    if latency_ms < 160:
        return _R0 - latency_ms / 40
    if latency_ms < 1000:
        return _R0 - (latency_ms - 120) / 10
    return _R0 - latency_ms / 100


def _loss_weight(r: float, loss_percent: float) -> float:
    if loss_percent <= r / 2.5:
        return 2.5
    return 0.25 if loss_percent < 100 else 0.01

"""How long a registration that failed rests before it asks again (RFC 5626 section 4.5, with times of our own).

An edge that fails rests by itself, and the others may be asked meanwhile; what any edge would answer in the same way,
such as a refusal of the secret, lets all of them rest. Rests grow, are drawn at random so that boxes do not come back
all at once, and are never shorter than the server asks for (Retry-After).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

EDGE_REST_S: Final = (4.0, 120.0)  #: after the first failure, and the most
REFUSAL_REST_S: Final = (120.0, 1_800.0)
REST_SHARE: Final = (0.5, 1.0)  #: of it, at random
MOST_RETRY_AFTER_S: Final = 3_600.0


class Rests:
    """Until when nothing is asked: of one edge, or of any."""

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self.clear()

    def clear(self) -> None:
        """Forget all failures."""
        self._of_edge: dict[str, float] = {}
        self._of_any = 0.0
        self._edge_failures = self._refusals = 0

    def end(self, uri: str) -> float:
        """Tell when this edge may be asked again."""
        return max(self._of_edge.get(uri, 0.0), self._of_any)

    def begin(self, uri: str | None, retry_after_s: int | None, now: float) -> None:
        """Rest after a failure of this edge, or, with None, after one that any edge would repeat."""
        low, high = REST_SHARE
        share = low + (high - low) * self._random()
        asked_s = min(retry_after_s or 0, MOST_RETRY_AFTER_S) * (1 + share / 10)
        if uri is None:
            self._of_any = now + max(asked_s, share * _grown(REFUSAL_REST_S, self._refusals))
            self._refusals += 1
        else:
            self._of_edge[uri] = now + max(asked_s, share * _grown(EDGE_REST_S, self._edge_failures))
            self._edge_failures += 1


def _grown(rest_s: tuple[float, float], times: int) -> float:
    first, most = rest_s
    return float(min(first * 2 ** min(times, 32), most))

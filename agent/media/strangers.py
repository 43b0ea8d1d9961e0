"""What was dropped because its sender is not known to be the far end, in one line a minute for the whole process.

Anybody can send anything to a UDP port, as often as he likes. So nothing of it is logged in full, and no packet is a
line of its own: counts by kind, in words of ours, and from how many addresses.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable

log = logging.getLogger(__name__)

PERIOD_S = 60.0
MOST_ADDRESSES = 256  # that are told apart


class Strangers:
    """Counts what is dropped and tells of it; the first packet at once, those that follow with the next line."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told_at = -PERIOD_S
        self._kinds: Counter[str] = Counter()
        self._hosts: set[str] = set()

    def note(self, kind: str, host: str) -> None:
        """One more packet of this kind, which is a plural in words of ours, was dropped."""
        self._kinds[kind] += 1
        if len(self._hosts) < MOST_ADDRESSES:
            self._hosts.add(host)
        now = self._clock()
        if now - self._told_at >= PERIOD_S:
            self._told_at = now
            log.info("dropped: %s, from %s", listed(self._kinds), self._whom())
            self._kinds.clear()
            self._hosts.clear()

    def _whom(self) -> str:
        if len(self._hosts) == 1:
            return next(iter(self._hosts))
        return f"{len(self._hosts)}{' or more' if len(self._hosts) == MOST_ADDRESSES else ''} addresses"


def listed(kinds: Counter[str]) -> str:
    """Counts as text, the greatest first."""
    return ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())


strangers = Strangers()

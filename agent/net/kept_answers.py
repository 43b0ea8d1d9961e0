"""Answers of name servers that came so late that whoever asks again shall not have to wait for them again. Pure."""

from __future__ import annotations

from typing import Any, Final

SLOW_S: Final = 1.0  # an answer that took longer is kept
KEPT_S: Final = 60.0
MOST_KEPT: Final = 64

SocketAddress = tuple[int, Any]  #: address family, socket address
HostPort = tuple[str, int]


class KeptAnswers:
    """The latest of them, for a while."""

    def __init__(self) -> None:
        self._kept: dict[HostPort, tuple[float, list[SocketAddress]]] = {}

    def recent(self, name: HostPort, now: float) -> list[SocketAddress] | None:
        """Return the answer that was kept for `name`; None when there is none, or it has grown old."""
        found_at, addresses = self._kept.get(name, (0.0, []))
        if not addresses or now - found_at > KEPT_S:
            self._kept.pop(name, None)
            return None
        return list(addresses)

    def note(self, name: HostPort, addresses: list[SocketAddress], asked_at: float, now: float) -> None:
        """Keep an answer, if it was slow; beyond MOST_KEPT the oldest is forgotten."""
        if now - asked_at < SLOW_S:
            return
        self._kept.pop(name, None)
        self._kept[name] = now, addresses
        while len(self._kept) > MOST_KEPT:
            del self._kept[next(iter(self._kept))]

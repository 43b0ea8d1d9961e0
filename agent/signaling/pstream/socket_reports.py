"""What one socket reports, brought to the link under the number of that socket."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from agent.clock import Clock
from agent.signaling.pstream.effects import LinkEffect
from agent.signaling.pstream.link import Link


class SocketReports:
    """The owner of one WebSocket (agent.net.websocket.SocketOwner)."""

    def __init__(self, link: Link, attempt: int, clock: Clock, run: Callable[[Iterable[LinkEffect]], None]) -> None:
        """`run` gets what the link makes of each report."""
        self._link = link
        self._attempt = attempt
        self._clock = clock
        self._run = run

    def socket_resolving(self) -> None:
        """Tell the link."""
        self._run(self._link.socket_resolving(self._attempt, self._clock.now()))

    def socket_resolved(self) -> None:
        """Tell the link."""
        self._run(self._link.socket_resolved(self._attempt, self._clock.now()))

    def socket_opened(self) -> None:
        """Tell the link."""
        self._run(self._link.socket_opened(self._attempt, self._clock.now()))

    def socket_message(self, data: str | bytes) -> None:
        """Tell the link."""
        self._run(self._link.socket_message(self._attempt, data, self._clock.now()))

    def socket_failed(self, message: str) -> None:
        """Tell the link."""
        self._run(self._link.socket_failed(self._attempt, message))

    def socket_closed(self, code: int, reason: str) -> None:
        """Tell the link."""
        self._run(self._link.socket_closed(self._attempt, code, reason, self._clock.now()))

"""What one socket reports, brought to its flow under the number of that socket."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from agent.signaling.sip.effects import SipEffect
from agent.signaling.sip.flow import Flow
from agent.signaling.sip.user_agent import UserAgent

Ask = Callable[[Callable[[UserAgent, float], Iterable[SipEffect]]], None]


class EdgeReports:
    """The owner of one WebSocket (agent.net.websocket.SocketOwner)."""

    def __init__(self, flow: int, attempt: int, ask: Ask) -> None:
        """`ask(event)` gives the event the core and the time, and carries out what it returns."""
        self._flow = flow
        self._attempt = attempt
        self._ask = ask

    def socket_resolving(self) -> None:
        """Tell the flow."""
        self._tell(lambda flow, now: flow.socket_resolving(self._attempt, now))

    def socket_resolved(self) -> None:
        """Tell the flow."""
        self._tell(lambda flow, now: flow.socket_resolved(self._attempt, now))

    def socket_opened(self) -> None:
        """Tell the flow."""
        self._tell(lambda flow, now: flow.socket_opened(self._attempt, now))

    def socket_message(self, data: str | bytes) -> None:
        """Tell the flow."""
        self._tell(lambda flow, now: flow.socket_message(self._attempt, data, now))

    def socket_failed(self, message: str) -> None:
        """Tell the flow."""
        self._tell(lambda flow, now: flow.socket_failed(self._attempt, message))

    def socket_closed(self, code: int, reason: str) -> None:
        """Tell the flow."""
        self._tell(lambda flow, now: flow.socket_closed(self._attempt, code, reason, now))

    def _tell(self, report: Callable[[Flow, float], Iterable[SipEffect]]) -> None:
        self._ask(lambda agent, now: report(agent.flows[self._flow], now))

"""The flows of one box: one to each of two edges, where there are two, so that a dead edge costs nothing (RFC 5626).

Both are registered, under the numbers 1 and 2 of one instance, and calls come and go over either.
"""

from __future__ import annotations

import random as _random
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from agent.signaling.sip.edges import EdgeList
from agent.signaling.sip.effects import (
    CloseFlows,
    FlowOrder,
    KeepAlive,
    LeaveEdge,
    OpenFlows,
    WriteOnFlow,
)
from agent.signaling.sip.flow import CONNECT_S, Flow, FlowEffect

MOST_FLOWS: Final = 2


class Flows:
    """All of them as one; what a socket reports goes to its flow: `flows[number].socket_opened(attempt, now)`."""

    def __init__(
        self,
        edges: Sequence[str],
        *,
        backoff_max_ms: float | None = None,
        connect_s: float = CONNECT_S,
        random: Callable[[], float] = _random.random,
    ) -> None:
        """`connect_s` is what an edge has to answer; raises InvalidArgumentError without an edge."""
        held = EdgeList(edges)
        self._flows = {
            number: Flow(
                number, held, backoff_max_ms=backoff_max_ms, connect_s=connect_s, random=random, lost=self._one_lost
            )
            for number in range(1, min(len(held), MOST_FLOWS) + 1)
        }

    @property
    def numbers(self) -> tuple[int, ...]:
        """The numbers of all flows: 1, or 1 and 2."""
        return tuple(self._flows)

    @property
    def open_numbers(self) -> tuple[int, ...]:
        """The numbers of those on which a message can be sent."""
        return tuple(flow.number for flow in self if flow.is_open)

    @property
    def uri(self) -> str:
        """The first edge in use, or the one to be tried next."""
        return next((flow for flow in self if flow.is_open), self._flows[1]).uri

    def __getitem__(self, number: int) -> Flow:
        return self._flows[number]

    def __iter__(self) -> Iterator[Flow]:
        return iter(self._flows.values())

    def deadline(self) -> float | None:
        """Tell when `tick` is due; None when nothing is awaited."""
        return min((time for flow in self if (time := flow.deadline()) is not None), default=None)

    def tick(self, now: float) -> list[FlowEffect]:
        """Let time pass on all flows."""
        return [effect for flow in self for effect in flow.tick(now)]

    def obey(self, order: FlowOrder, now: float) -> list[FlowEffect]:
        """Do what the user agent asks for."""
        match order:
            case OpenFlows():
                return [effect for flow in self for effect in flow.open(now)]
            case CloseFlows():
                return [effect for flow in self for effect in flow.disconnect()]
            case WriteOnFlow(number, text):
                return self._flows[number].write(text, now)
            case LeaveEdge(number, why):
                return self._flows[number].leave(why, now)
            case KeepAlive(number, flow_timer_s):
                self._flows[number].keep_alive(flow_timer_s, now)
        return []

    def network_changed(self, now: float, path_intact: Callable[[int], bool]) -> list[FlowEffect]:
        """Connect at once, or see whether the connections still work; `path_intact` tells by the flow's number."""
        return [
            effect for flow in self for effect in flow.network_changed(now, path_intact=path_intact(flow.number))
        ]

    def _one_lost(self, lost: int, now: float) -> list[FlowEffect]:
        """Let the others try at once when the last connection is gone: their edge may be back."""
        if any(flow.is_open for flow in self):
            return []
        return [effect for flow in self if flow.number != lost for effect in flow.hurry(now)]

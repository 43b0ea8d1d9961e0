"""Messages that wait for a connection: first in, first out, with a limit (spec: signaling 6.5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agent.signaling.pstream.messages import OutboundFrame
from agent.signaling.pstream.names import MessageType

MAX_QUEUED = 100


class RetryQueue:
    """When it is full, the oldest `register` gives way, else the oldest words of a program, else the oldest of all."""

    def __init__(self) -> None:
        self._waiting: list[OutboundFrame] = []

    @property
    def types(self) -> tuple[str, ...]:
        """What waits, oldest first."""
        return tuple(each.type for each in self._waiting)

    def add(self, frame: OutboundFrame) -> None:
        """Let one more message wait."""
        if len(self._waiting) >= MAX_QUEUED:
            self._waiting.pop(self._least_needed())
        self._waiting.append(frame)

    def _least_needed(self) -> int:
        types = self.types
        return next((types.index(each) for each in (MessageType.REGISTER, MessageType.MESSAGE) if each in types), 0)

    def take(self) -> list[OutboundFrame]:
        """Take what waits, to be sent now."""
        waiting, self._waiting = self._waiting, []
        return list(_without_repeats(waiting))

    def clear(self) -> None:
        """Forget what waits."""
        self._waiting = []


def _without_repeats(waiting: Iterable[OutboundFrame]) -> Iterator[OutboundFrame]:
    """Leave out each registration that says what the one before it says: an outage makes one in 30 s."""
    said = ""
    for each in waiting:
        if each.type != MessageType.REGISTER or each.text != said:
            yield each
        if each.type == MessageType.REGISTER:
            said = each.text

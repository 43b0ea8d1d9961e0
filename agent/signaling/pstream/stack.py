"""PStream on its link, as one core: what one of them says, the other one hears before anything is carried out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from agent.signaling.pstream.core import PStream
from agent.signaling.pstream.effects import (
    CloseSocket,
    Dial,
    Emit,
    LinkEffect,
    LinkOrder,
    LinkReport,
    ShellEffect,
    StreamEffect,
    WriteFrame,
)
from agent.signaling.pstream.link import Link


class ProtocolStack:
    """Two cores and the way between them; give an event to `stream` or `link`, and what it returns to `settle`."""

    def __init__(self, stream: PStream, link: Link) -> None:
        self.stream = stream
        self.link = link

    def settle(self, effects: Iterable[LinkEffect | StreamEffect], now: float) -> list[ShellEffect]:
        """Pass on what is for the other core; both are in their new state then. What is left is for the shell."""
        left: list[ShellEffect] = []
        due: deque[LinkEffect | StreamEffect] = deque(effects)
        while due:
            effect = due.popleft()
            match effect:
                case Dial() | WriteFrame() | CloseSocket() | Emit():
                    left.append(effect)
                case _:
                    due.extendleft(reversed(self._pass_on(effect, now)))
        return left

    def _pass_on(self, words: LinkReport | LinkOrder, now: float) -> list[LinkEffect] | list[StreamEffect]:
        if isinstance(words, LinkOrder):
            return self.link.obey(words, now)
        return self.stream.hear(words)

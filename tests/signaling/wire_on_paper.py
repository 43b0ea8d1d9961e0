"""The whole signaling without hub and sockets: PStream on its link, effects carried out in order by the test."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from agent.effects import EffectQueue
from agent.signaling.pstream.core import PStream
from agent.signaling.pstream.effects import Dial, Emit, LinkEffect, ShellEffect, StreamEffect, WriteFrame
from agent.signaling.pstream.generation import FIRST, WireGeneration
from agent.signaling.pstream.link import Link
from agent.signaling.pstream.stack import ProtocolStack

INFO = {"p": "browser", "v": "1.15.1", "browser": {"userAgent": "u", "platform": "p"}, "plugin": "rtc"}


class WireOnPaper:
    """`history` is everything that was carried out, in order; `breaks_at(text)` lets the socket break on a frame.

    A handler in `handlers` runs when its event is told, and may ask the stream for something.
    """

    def __init__(self, uris: Iterable[str] = ("wss://a/signal",), generation: WireGeneration = FIRST) -> None:
        self.now = 0.0
        self.stream = PStream("foo", INFO, generation)
        self.link = Link(generation.retries(list(uris), None, 0))
        self.history: list[str] = []
        self.events: list[tuple[str, dict[str, Any], str]] = []  # with the status that belongs to each
        self.frames: list[dict[str, Any]] = []
        self.handlers: dict[str, Callable[[], None]] = {}
        self.breaks_at: Callable[[str], bool] = lambda text: False
        self._is_broken = False
        self._stack = ProtocolStack(self.stream, self.link)
        self._queue: EffectQueue[ShellEffect] = EffectQueue(self._carry_out, lambda go_on: None)

    @property
    def types(self) -> list[str]:
        return [frame["type"] for frame in self.frames]

    @property
    def names(self) -> list[str]:
        return [name for name, _payload, _status in self.events]

    def run(self, effects: Iterable[LinkEffect | StreamEffect]) -> None:
        self._queue.run(self._stack.settle(effects, self.now))

    def forget(self) -> None:
        """Drop what was told and sent so far."""
        self.history.clear()
        self.events.clear()
        self.frames.clear()

    # What the network does

    def open(self) -> None:
        """Connect, as far as nobody did, and let the socket open."""
        if self.link.state == "closed":
            self.run(self.stream.open())
        elif self.link.deadline() is not None and not self.link.is_open:
            self.tick()
        self.run(self.link.socket_opened(self.link.attempt, self.now))

    def tick(self) -> None:
        """Let the time pass until something is due."""
        self.now = max(self.now, self.link.deadline() or self.now)
        self.run(self.link.tick(self.now))

    def lose(self, code: int = 1000) -> None:
        self.run(self.link.socket_closed(self.link.attempt, code, "", self.now))

    def server(self, type_: str, **payload: Any) -> None:
        self.say(json.dumps({"type": type_, "payload": payload}))

    def say(self, data: str | bytes) -> None:
        self.run(self.link.socket_message(self.link.attempt, data, self.now))

    def _carry_out(self, effect: ShellEffect) -> None:
        match effect:
            case Dial():
                self._is_broken = False
                self.history.append("dial")
            case WriteFrame(_, frame) if self._is_broken or self.breaks_at(frame.text):
                self._is_broken = True
                self.history.append(f"lost {frame.type}")
                self.run(self.link.write_failed(effect, "broken", self.now))
            case WriteFrame(_, frame):
                self.history.append(f"sent {frame.type}")
                self.frames.append(json.loads(frame.text) if frame.text != "\n" else {"type": "\n"})
            case Emit(event) if effect.after_end or not self.stream.is_destroyed:
                self.history.append(event)
                self.events.append((event, effect.payload, effect.status))
                self.handlers.get(event, lambda: None)()
            case Emit():
                pass
            case _:
                self.history.append("close")

"""100,000 frames of nonsense: nothing is raised, no call leaves the table of states, nothing piles up."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable
from typing import Any

import gevent
import pytest

from agent.effects import EffectQueue
from agent.errors import CaptureError, SdpError
from agent.events import Emitter
from agent.signaling.pstream.core import PStream
from agent.signaling.pstream.effects import Emit, LinkClosed, LinkMessage, LinkOpened, StreamEffect
from agent.voice.call_state import CallState
from agent.voice.calls import MAX_PENDING

from .conftest import World
from .fakes import FakeSession
from .fuzz import Nonsense

FRAMES = 25_000  # for each of four seeds
MEASURE_EVERY = 5_000
STATES = {state.value for state in CallState}


class ProtocolStream(Emitter):
    """The real protocol of the stream, on a wire that takes everything and leads nowhere, or is down."""

    def __init__(self, token: str, uris: list[str], **options: Any) -> None:
        super().__init__()
        self.protocol = PStream(token, {}, options["generation"])
        self._queue: EffectQueue[StreamEffect] = EffectQueue(self._carry_out, gevent.spawn)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.protocol, name)
        return (lambda *args: self._queue.run(value(*args))) if callable(value) else value

    @property
    def gateway(self) -> str | None:
        return self.protocol.service.gateway

    @property
    def region(self) -> str | None:
        return self.protocol.service.region

    @property
    def edge(self) -> str | None:
        return self.protocol.service.edge

    @property
    def home(self) -> str | None:
        return self.protocol.service.home

    @property
    def identity(self) -> str | None:
        return self.protocol.service.identity

    @property
    def token_ttl_s(self) -> float | None:
        return self.protocol.service.token_ttl_s

    def open(self) -> None: ...

    def connect(self) -> None:
        self.hear(LinkOpened())

    def network_changed(self) -> None: ...

    def lose(self) -> None:
        self.hear(LinkClosed())
        self.hear(LinkOpened())

    def _carry_out(self, effect: StreamEffect) -> None:
        if isinstance(effect, Emit):
            self.emit(effect.event, effect.payload)


class Storm:
    """A Device in a storm of frames, with a program and a path that do something now and then."""

    def __init__(self, world: World, seed: int) -> None:
        self.world = world
        self.nonsense = Nonsense(seed)
        self.seen: set[str] = set()
        world.next_session = self._perhaps_bad

    @property
    def stream(self) -> ProtocolStream:
        stream: Any = self.world.device.stream
        assert isinstance(stream, ProtocolStream)
        return stream

    def blow(self, frames: int) -> None:
        for n in range(frames):
            sids = [str(call.parameters.get("CallSid")) for call in self.world.live_calls()]
            self.stream.hear(LinkMessage(self.nonsense.frame(sids)))
            if n % 5 == 0:
                self._something_else()
            assert len(self.world.device.connections) <= MAX_PENDING
            statuses = {call.status() for call in self.world.live_calls()}
            assert statuses <= STATES - {"closed"}
            self.seen |= statuses

    def end(self) -> None:
        """Everybody hangs up."""
        for call in list(self.world.live_calls()):
            call.ignore()
            call.disconnect()
        self.world.run(40)
        self.world.forget_all()

    def _something_else(self) -> None:
        choice, world = self.nonsense.choice, self.world
        calls = world.live_calls()
        if calls and self.nonsense.chance(0.5):
            call = choice(calls)
            choice((call.accept, call.reject, call.ignore, call.disconnect, call.mute, lambda: call.mute(False)))()
        elif not calls and self.nonsense.chance(0.3):
            world.device.connect({"To": "bob"})
        elif self.nonsense.chance(0.05):
            self.stream.lose()
        elif world.sessions and self.nonsense.chance(0.5):
            session = choice(world.sessions[-3:])
            session.path(choice(("checking", "connected", "disconnected", "failed")))
        world.run(choice((0.0, 0.0, 0.01, 1.0)))
        world.forget_all()

    def _perhaps_bad(self, session: FakeSession) -> None:
        if self.nonsense.chance(0.2):
            step = self.nonsense.choice(("open_capture", "create_offer", "apply_answer", "answer_offer"))
            session.failures[step] = CaptureError("broken") if step == "open_capture" else SdpError("unusable")


@pytest.mark.parametrize("seed", range(4))
def test_nonsense_does_no_harm(make_world: Callable[..., World], seed: int, caplog: pytest.LogCaptureFixture) -> None:
    world = make_world(stream_factory=ProtocolStream, generation="12"[seed % 2], allow_incoming_while_busy=seed < 2,
                       enable_ringing_state=seed % 2 == 1, enable_ice_restart=True)  # fmt: skip
    storm = Storm(world, seed)
    objects: list[int] = []

    with caplog.at_level(logging.ERROR):
        for _ in range(FRAMES // MEASURE_EVERY):
            storm.blow(MEASURE_EVERY)
            storm.end()
            gc.collect()
            objects.append(len(gc.get_objects()))

    assert [record.getMessage() for record in caplog.records] == []
    assert objects[-1] - objects[0] < 500, objects
    assert storm.seen >= {"pending", "connecting", "open", "reconnecting"}, "the storm did not get far"

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from agent import Connection, Device
from agent.media.settings import MediaSettings

from .fakes import FakeClock, FakePublisher, FakeSession, FakeStream, settle

DEVICE_EVENTS = ("ready", "offline", "incoming", "connect", "disconnect", "cancel", "error")
CALL_EVENTS = ("accept", "audio", "cancel", "disconnect", "error", "mute", "reconnecting", "reconnected", "reject",
               "ringing", "warning", "warning-cleared", "transportClose", "digit")  # fmt: skip


class World:
    """One Device between a server that the test plays and a path that the test breaks."""

    def __init__(self, **options: Any) -> None:
        self.clock = FakeClock()
        self.sessions: list[FakeSession] = []
        self.next_session: Callable[[FakeSession], None] = lambda session: None
        self.publisher = FakePublisher()
        self.told: list[tuple[str, str, tuple[Any, ...], str]] = []
        self.streams: list[FakeStream] = []
        self.calls: list[Connection] = []
        own = {"clock": self.clock, "stream_factory": self._stream, "media_factory": self._session,
               "publisher_factory": lambda token: self.publisher, "connection_factory": self._connection,
               "network_watch": False, "generation": "1"}  # fmt: skip
        self.device = Device("a-token", own | options)
        for name in DEVICE_EVENTS:
            self.device.on(name, lambda *args, name=name: self.told.append(("device", name, args, "")))
        stream: Any = self.device.stream
        stream.connect()
        self.run()

    @property
    def stream(self) -> FakeStream:
        return self.streams[-1]

    @property
    def session(self) -> FakeSession:
        """The media of the latest call."""
        return self.sessions[-1]

    @property
    def events(self) -> list[str]:
        """What the program was told, as `device ready` or `call accept`, in order."""
        return [f"{whom} {name}" for whom, name, _, _ in self.told]

    def run(self, seconds: float = 0.0) -> None:
        """Let everything happen that can, and this much time pass."""
        self.clock.advance(seconds)
        settle()

    def forget(self) -> None:
        """Drop what was told and sent so far."""
        self.told.clear()
        self.stream.frames.clear()

    def live_calls(self) -> list[Connection]:
        """The calls that the Device knows."""
        active = self.device.active_connection()
        return list(dict.fromkeys([*self.device.connections, *([active] if active is not None else [])]))

    def forget_all(self) -> None:
        """Drop everything that the test keeps for itself."""
        self.told.clear()
        self.calls.clear()
        del self.sessions[:-3]
        self.publisher.events.clear()
        self.publisher.metrics.clear()

    def rings(self, callsid: str = "CA1", **parameters: Any) -> Connection:
        """Somebody calls."""
        self.stream.say("invite", callsid=callsid, sdp="far offer", parameters={"From": "client:bob", **parameters})
        self.run()
        return self.calls[-1]

    def talks(self, **params: Any) -> Connection:
        """A call that this side made is answered."""
        call = self.device.connect(params or {"To": "bob"})
        self.run()
        self.stream.say("ringing", callsid="CA9")
        self.stream.say("answer", callsid="CA9", sdp="far answer")
        self.run()
        self.session.path("connected")
        assert call.status() == "open"
        return call

    def _stream(self, *args: Any, **kwargs: Any) -> FakeStream:
        self.streams.append(FakeStream(*args, **kwargs))
        return self.streams[-1]

    def _session(self, settings: MediaSettings) -> FakeSession:
        session = FakeSession(settings)
        self.next_session(session)
        self.sessions.append(session)
        return session

    def _connection(self, *args: Any, **kwargs: Any) -> Connection:
        call = Connection(*args, **kwargs)
        for name in CALL_EVENTS:
            call.on(name, lambda *args, name=name: self.told.append(("call", name, args, call.status())))
        self.calls.append(call)
        return call


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.device.destroy()


@pytest.fixture
def make_world() -> Iterator[Callable[..., World]]:
    made: list[World] = []

    def make(**options: Any) -> World:
        made.append(World(**options))
        return made[-1]

    yield make
    for each in made:
        each.device.destroy()

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest
from gevent.queue import Queue

from agent.signaling.pstream.generation import FIRST, WireGeneration
from agent.signaling.pstream.names import SECOND_GENERATION_TYPES, SERVER_TYPES
from agent.signaling.pstream.shell import Stream
from tests.signaling.server import WAIT_S, Server

EVENTS = (*sorted(SERVER_TYPES | SECOND_GENERATION_TYPES), "transport_open", "transport_close")


class Phone:
    """A Stream and everything it emitted, in order."""

    def __init__(self, uris: list[str], generation: WireGeneration = FIRST, **options: Any) -> None:
        self.stream = Stream("a-token", uris, generation=generation, **options)
        self.events: Queue[tuple[str, dict[str, Any]]] = Queue()
        for name in EVENTS:
            self.stream.on(name, lambda payload, name=name: self.events.put((name, payload)))

    def next_event(self) -> tuple[str, dict[str, Any]]:
        with gevent.Timeout(WAIT_S, TimeoutError("no event")):
            return self.events.get()

    def wait_for(self, name: str) -> dict[str, Any]:
        """The payload of the next event of this name; those before it are dropped."""
        while True:
            event, payload = self.next_event()
            if event == name:
                return payload


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    server.close()


@pytest.fixture
def phone(server: Server) -> Iterator[Callable[..., Phone]]:
    """Makes a phone that trusts the server, and opens its stream."""
    made: list[Phone] = []

    def make(**options: Any) -> Phone:
        phone = Phone([server.uri], **({"ca_file": str(server.ca_file)} | options))
        made.append(phone)
        phone.stream.open()
        return phone

    yield make
    for each in made:
        each.stream.destroy()
        each.stream.join(WAIT_S)

"""A voice service of the second generation over real sockets: it takes calls, keeps them, and gives them back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import gevent

from agent import Connection, Device
from agent.media.settings import MediaSettings
from agent.net.websocket import SocketOwner, WebSocket
from agent.signaling.pstream.shell import Stream
from tests.conformance.server import HOSTS, Server, Socket

from .fakes import FakePublisher, FakeSession

PATIENCE_S = 30.0
SID = "CA0123456789abcdef0123456789abcdef"


def until(condition: Callable[[], object]) -> None:
    """Let the hub work until this is so."""
    with gevent.Timeout(PATIENCE_S, AssertionError("it did not come about")):
        while not condition():
            gevent.sleep(0.002)


class Service:
    """Answers by itself what a client says; `answers` is what it answers, and may be changed."""

    def __init__(self, folder: Path) -> None:
        self.refused = 0  #: how many of the next tries are turned away
        self.hears: list[tuple[int, dict[str, Any]]] = []  #: number of the socket, and frame
        self.gives_tokens = True
        self.takes_back = True  #: whether it answers who asks for a call
        self.takes_calls = True  #: whether it answers who makes one
        self.edges = {host: f"edge{n}" for n, host in enumerate(HOSTS)}
        self.sockets: list[Socket] = []
        self._tokens = 0
        self._server = Server(folder, self._asked, self._heard)
        self.ca_file = str(self._server.ca_file)

    @property
    def socket(self) -> Socket:
        return self.sockets[-1]

    def address(self, n: int = 0) -> str:
        return f"{HOSTS[n]}:{self._server.port}"

    def frames(self, *types: str) -> list[dict[str, Any]]:
        return [frame for _, frame in self.hears if frame["type"] in types]

    def types(self, n: int) -> list[str]:
        """What came over one socket, a call that is asked for as `reconnect`."""
        named = [(at, "reconnect" if "reconnect" in (f.get("payload") or {}) else f["type"]) for at, f in self.hears]
        return [name for at, name in named if at == n]

    def say(self, type_: str, /, **payload: Any) -> None:
        self.socket.send(json.dumps({"type": type_, "payload": payload}))

    def answer(self) -> None:
        """The far side takes the call; with it comes the token by which it can be asked for."""
        self._tokens += 1
        token = {"reconnect": f"RT{self._tokens}"} if self.gives_tokens else {}
        self.say("answer", callsid=SID, sdp="far answer", **token)

    def close(self) -> None:
        self._server.close()

    def _asked(self, socket: Socket) -> str:
        if self.refused:
            self.refused -= 1
            return "refuse"
        self.sockets.append(socket)
        return "accept"

    def _heard(self, socket: Socket, text: str) -> None:
        frame = json.loads(text)
        self.hears.append((self.sockets.index(socket), frame))
        payload = frame.get("payload") or {}
        if frame["type"] == "listen":
            told = {"edge": self.edges[socket.host], "home": "us1", "token": {"identity": "alice", "ttl": 3600}}
            self.say("connected", region="US_EAST_VIRGINIA", **told)
        elif frame["type"] == "register":
            self.say("ready" if payload["media"]["audio"] else "offline")
        elif frame["type"] == "invite" and "reconnect" not in payload and self.takes_calls:
            self.say("ringing", callsid=SID)
            self.answer()
        elif frame["type"] == "invite" and "reconnect" in payload and self.takes_back:
            self.answer()


class Phone:
    """A Device of the second generation whose signaling is real, and whose media does what the test says."""

    def __init__(self, service: Service, hosts: Iterable[int] = (0,), **options: Any) -> None:
        self.sessions: list[FakeSession] = []
        self.publisher = FakePublisher()
        self.told: list[str] = []
        self.device = Device()
        own = {
            "chunderw": [service.address(n) for n in hosts],
            "ca_file": service.ca_file,
            "media_factory": self._session,
            "publisher_factory": lambda token: self.publisher,
            "network_watch": False,
            "publish_events": True,
            "backoff_max_ms": 3_000,
        }
        self.device.setup("a.b.c", own | options)

    @property
    def session(self) -> FakeSession:
        return self.sessions[-1]

    def calls(self) -> Connection:
        """Make a call that is answered."""
        call = self.device.connect({"To": "bob"})
        for name in ("accept", "transportClose", "reconnecting", "reconnected", "disconnect", "error"):
            call.on(name, lambda *args, name=name: self._heard(name, *args))
        until(lambda: call.status() == "open")
        self.session.path("connected")
        return call

    def close(self) -> None:
        stream = self.device.stream
        self.device.destroy()
        if isinstance(stream, Stream):
            stream.join(1.0)

    def _heard(self, name: str, *args: Any) -> None:
        code = getattr(getattr(args[0], "twilio_error", None), "code", None) if args else None
        self.told.append(f"{name} {code}" if code else name)

    def _session(self, settings: MediaSettings) -> FakeSession:
        self.sessions.append(FakeSession(settings))
        return self.sessions[-1]


__all__ = ["SID", "Phone", "Service", "SocketOwner", "WebSocket", "until"]

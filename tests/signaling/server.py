"""A real secure WebSocket server on 127.0.0.1, in native threads, that a test plays message by message."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
from gevent.event import Event
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve

from bench.rig.certificate import make_certificate

WAIT_S = 30


class Inbox:
    """Carries items from any thread to the test, which waits on the hub."""

    def __init__(self, hub: gevent.hub.Hub) -> None:
        self._items: deque[Any] = deque()
        self._arrived = Event()
        self._hub = hub

    def put(self, item: Any) -> None:
        self._items.append(item)
        self._hub.loop.run_callback_threadsafe(self._arrived.set)

    def get(self, timeout_s: float = WAIT_S) -> Any:
        with gevent.Timeout(timeout_s, TimeoutError("nothing arrived")):
            while not self._items:
                self._arrived.wait()
                self._arrived.clear()
        return self._items.popleft()

    @property
    def is_empty(self) -> bool:
        return not self._items


class Peer:
    """One connection as the server sees it."""

    def __init__(self, connection: ServerConnection, frames: Inbox) -> None:
        self.connection = connection
        self.frames = frames
        self.headers = connection.request.headers if connection.request else {}
        self.closed = threading.Event()

    def send(self, type_: str, payload: dict[str, Any] | None = None) -> None:
        self.connection.send(json.dumps({"type": type_, "version": "1.5", "payload": payload or {}}))

    def receive(self) -> dict[str, Any]:
        """The next frame, parsed; its members keep their order."""
        frame: dict[str, Any] = json.loads(self.receive_text())
        return frame

    def receive_text(self) -> str:
        text: str = self.frames.get()
        return text

    def close(self, code: int = 1000) -> None:
        """End the connection with a closing handshake."""
        _off_hub(self.connection.close, code)

    def abort(self) -> None:
        """End the connection without a closing handshake."""
        self.connection.socket.shutdown(2)


class Server:
    """Accepts everybody; `accept()` gives the next connection."""

    def __init__(
        self, folder: Path, names: tuple[str, ...] = ("127.0.0.1", "::1"), host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self.refusal: int | None = None  #: HTTP status that new connections get
        self.ca_file = folder / "ca.pem"
        self._key_file = folder / "key.pem"
        if not self.ca_file.exists():
            make_certificate(self.ca_file, self._key_file, names)
        self.host = host
        self._hub = gevent.get_hub()
        self._arrivals = Inbox(self._hub)
        self.peers: list[Peer] = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca_file, self._key_file)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._server = serve(
            self._handle,
            sock=socket.create_server((host, port), family=family),
            ssl=context,
            process_request=self._admit,
            ping_interval=None,
            max_size=None,
            close_timeout=0.5,
        )
        self.port: int = self._server.socket.getsockname()[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def uri(self) -> str:
        return f"wss://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}/signal"

    def accept(self, timeout_s: float = WAIT_S) -> Peer:
        peer: Peer = self._arrivals.get(timeout_s)
        return peer

    def close(self) -> None:
        _off_hub(self._server.shutdown)

    def _admit(self, connection: ServerConnection, _request: Request) -> Response | None:
        return connection.respond(self.refusal, "") if self.refusal else None

    def _handle(self, connection: ServerConnection) -> None:
        peer = Peer(connection, Inbox(self._hub))
        self.peers.append(peer)
        self._arrivals.put(peer)
        try:
            for frame in connection:
                peer.frames.put(frame)
        except ConnectionClosed:
            pass
        finally:
            peer.closed.set()


def _off_hub(work: Callable[..., object], *arguments: object) -> None:
    """Run something that waits for the client, which lives on this hub."""
    gevent.get_hub().threadpool.apply(work, arguments)

"""A TCP relay in front of a server that can stop passing bytes on without closing anything."""

from __future__ import annotations

from pathlib import Path

import gevent
from gevent import socket
from gevent.server import StreamServer

from tests.signaling.server import Server


class Relay:
    """Passes connections on to `server`; those made before `freeze` never get another byte through."""

    def __init__(self, folder: Path) -> None:
        self.server = Server(folder)
        self._pipes: list[gevent.Greenlet[..., None]] = []
        self._listener = StreamServer(("127.0.0.1", 0), self._accept)

    @property
    def uri(self) -> str:
        return f"wss://127.0.0.1:{self._listener.server_port}/signal"

    def __enter__(self) -> Relay:
        self._listener.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._listener.stop()
        self.freeze()
        self.server.close()

    def freeze(self) -> None:
        gevent.killall(self._pipes)

    def _accept(self, near: socket.socket, _address: object) -> None:
        far = socket.create_connection(("127.0.0.1", self.server.port))
        pipes = [gevent.spawn(_pass_on, near, far), gevent.spawn(_pass_on, far, near)]
        self._pipes += pipes
        gevent.sleep(3600)  # returning would close the socket


def _pass_on(source: socket.socket, sink: socket.socket) -> None:
    while data := source.recv(65536):
        sink.sendall(data)
    sink.shutdown(socket.SHUT_WR)

"""A secure WebSocket server on the test's own hub: it accepts, refuses, speaks, is silent and drops as it is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
from gevent import socket
from gevent.ssl import PROTOCOL_TLS_SERVER, SSLContext
from websockets.frames import Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from bench.rig.certificate import make_certificate

HOSTS = tuple(f"127.0.0.{n}" for n in range(1, 9))  # stand for the hosts of several edges


class Socket:
    """One connection as the server sees it."""

    def __init__(self, server: Server, sock: Any, host: str) -> None:
        self.host = host
        self.is_open = False
        self._server = server
        self._sock = sock
        self._protocol = ServerProtocol()
        self._request: Request | None = None

    def run(self) -> None:
        """Serve it to its end."""
        try:
            while data := self._sock.recv(65_536):
                self._server.activity += 1
                self._protocol.receive_data(data)
                for event in self._protocol.events_received():
                    self._take(event)
                self._flush()
        except OSError:
            pass
        finally:
            self.is_open = False
            self._server.activity += 1
            self._sock.close()

    def answer(self, mode: str) -> None:
        """Take or refuse the request to upgrade, once; any other mode leaves it without an answer."""
        request = self._request
        if request is None or mode not in ("accept", "refuse"):
            return
        self._request = None
        self.is_open = mode == "accept"
        response = self._protocol.accept(request) if self.is_open else self._protocol.reject(503, "not now")
        self._protocol.send_response(response)
        self._flush()

    @property
    def is_asking(self) -> bool:
        """Whether its request to upgrade has no answer yet."""
        return self._request is not None

    def send(self, text: str) -> None:
        """Say something to the client."""
        self._protocol.send_text(text.encode())
        self._flush()

    def close(self, code: int, reason: str) -> None:
        """End it with a closing handshake."""
        self._protocol.send_close(code, reason)
        self._flush()

    def abort(self) -> None:
        """End it as a broken network does."""
        self.is_open = False
        self._request = None
        self._sock.shutdown(socket.SHUT_RDWR)

    def _take(self, event: Any) -> None:
        if isinstance(event, Request):
            self._request = event
            self.answer(self._server.asked(self))
        elif event.opcode is Opcode.TEXT:
            self._server.heard(self, event.data.decode())

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._sock.sendall(data)
            elif self._protocol.state is not State.CONNECTING:
                self._sock.shutdown(socket.SHUT_WR)


class Server:
    """Listens on several addresses of this machine with one certificate.

    `asked(socket)` answers a request to upgrade with "accept", "refuse" or anything else for no answer at all, or none
    yet: the socket has its own `answer`; `heard(socket, text)` gets each frame.
    """

    def __init__(self, folder: Path, asked: Callable[[Socket], str], heard: Callable[[Socket, str], None]) -> None:
        self.asked = asked
        self.heard = heard
        self.activity = 0
        self.ca_file = folder / "ca.pem"
        key_file = folder / "key.pem"
        if not self.ca_file.exists():
            make_certificate(self.ca_file, key_file, HOSTS)
        self._context = SSLContext(PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.ca_file, key_file)
        self._greenlets: list[gevent.Greenlet[..., None]] = []
        self._listeners: list[Any] = []
        self.port = 0
        for host in HOSTS:
            listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            listener.bind((host, self.port))
            listener.listen()
            self.port = listener.getsockname()[1]
            self._listeners.append(listener)
            self._greenlets.append(gevent.spawn(self._accept, listener, host))

    def close(self) -> None:
        """Drop everybody."""
        for greenlet in self._greenlets:
            greenlet.kill(block=False)
        for listener in self._listeners:
            listener.close()

    def _accept(self, listener: Any, host: str) -> None:
        while True:
            sock, _ = listener.accept()
            self.activity += 1
            self._greenlets.append(gevent.spawn(self._serve, sock, host))

    def _serve(self, sock: Any, host: str) -> None:
        try:
            secured = self._context.wrap_socket(sock, server_side=True)
        except OSError:
            sock.close()
            return
        Socket(self, secured, host).run()

"""A service that floods whoever connects, on loopback, from native threads."""

from __future__ import annotations

import base64
import hashlib
import socket
import ssl
import threading
import time
from pathlib import Path

import gevent

from bench.rig.floods import LONGEST_S, send_both_ways

WEBSOCKET_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class FloodingServer:
    """A secure WebSocket server that accepts everybody, and then floods every connection with `piece`."""

    def __init__(
        self, certificate: Path, key: Path, piece: bytes, opening: bytes = b"", extensions: str = "",
        listener: socket.socket | None = None,
    ) -> None:  # fmt: skip
        self.connections = 0
        self.close_codes: list[int] = []  #: what clients said when they left
        self.piece, self.opening, self._extensions = piece, opening, extensions
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._listener = listener or socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._closed = threading.Event()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def first_close_code(self) -> int:
        """Wait, on the hub, until somebody has left; what the first to leave said. Raises TimeoutError."""
        with gevent.Timeout(LONGEST_S + 5, TimeoutError("nobody said that he left")):
            while not self.close_codes:
                gevent.sleep(0.01)
        return self.close_codes[0]

    def close(self) -> None:
        """End every connection; idempotent."""
        if self._closed.is_set():
            return
        self._closed.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            gevent.get_hub().threadpool.apply(thread.join, (10,))

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self._threads.append(threading.Thread(target=self._serve, args=(sock,), daemon=True))
            self._threads[-1].start()

    def _serve(self, plain: socket.socket) -> None:
        until = time.monotonic() + LONGEST_S
        received = bytearray()
        try:
            plain.settimeout(10)
            with self._context.wrap_socket(plain, server_side=True) as sock:
                sock.sendall(self._greeting(sock))
                self.connections += 1
                send_both_ways(sock, self.opening, self.piece * (16 * 1024 // len(self.piece) + 1),
                               lambda _sent, data: received.extend(data),
                               lambda: not self._closed.is_set() and time.monotonic() < until)  # fmt: skip
        except OSError:
            pass
        if code := close_code(bytes(received)):
            self.close_codes.append(code)

    def _greeting(self, sock: ssl.SSLSocket) -> bytes:
        request = b""
        while b"\r\n\r\n" not in request:
            request += sock.recv(4096)
        lines = dict(line.split(b": ", 1) for line in request.split(b"\r\n")[1:] if b": " in line)
        digest = base64.b64encode(hashlib.sha1(lines[b"Sec-WebSocket-Key"] + WEBSOCKET_GUID).digest())
        extensions = f"Sec-WebSocket-Extensions: {self._extensions}\r\n" if self._extensions else ""
        return (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + digest + b"\r\n" + extensions.encode() + b"\r\n")  # fmt: skip


def close_code(data: bytes) -> int | None:
    """The code of the close frame among a client's masked frames; None when there is none."""
    at = 0
    while at + 6 <= len(data):
        opcode, length = data[at] & 15, data[at + 1] & 127
        head = {126: 4, 127: 10}.get(length, 2)
        if head > 2:
            length = int.from_bytes(data[at + 2 : at + head], "big")
        mask, body = data[at + head : at + head + 4], data[at + head + 4 : at + head + 4 + length]
        if opcode == 8 and len(body) >= 2:
            return int.from_bytes(bytes(a ^ b for a, b in zip(body[:2], mask[:2], strict=True)), "big")
        at += head + 4 + length
    return None

"""Peers that send without pause, on loopback, from native threads; each ends by itself."""

from __future__ import annotations

import base64
import functools
import hashlib
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import gevent

LONGEST_S = 15.0  # of one flood that nobody ends
WEBSOCKET_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

Connect = Callable[[], socket.socket]


class Flood:
    """Sends `opening`, then `piece` again and again while it reads, until the other side ends the connection.

    With `again` it then connects anew, until it is stopped.
    """

    def __init__(
        self, connect: Connect, piece: bytes, opening: bytes = b"", longest_s: float = LONGEST_S, again: bool = False
    ) -> None:
        self.sent_bytes = 0
        self.answer = bytearray()  #: what came back first
        self.was_ended = False  #: by the other side
        self._opening, self._piece = opening, piece * (16 * 1024 // len(piece) + 1)
        self._until = time.monotonic() + longest_s
        self._connect = connect
        self._again = again
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Whether it still sends."""
        return self._thread.is_alive()

    def wait(self) -> None:
        """Wait for its end, in a process without a hub."""
        self._thread.join()

    def join(self, timeout_s: float = LONGEST_S + 5) -> None:
        """Wait for its end, on the hub."""
        gevent.get_hub().threadpool.apply(self._thread.join, (timeout_s,))
        assert not self._thread.is_alive()

    def stop(self) -> None:
        """End it."""
        self._stopped.set()
        self.join()

    def _run(self) -> None:
        self._attack()
        while self._again and self._goes_on():
            self._attack()

    def _attack(self) -> None:
        with suppress(OSError), self._connect() as sock:
            send_both_ways(sock, self._opening, self._piece, self._note, self._goes_on)
        self.was_ended = self._goes_on()

    def _goes_on(self) -> bool:
        return not self._stopped.is_set() and time.monotonic() < self._until

    def _note(self, sent_bytes: int, received: bytes) -> None:
        self.sent_bytes += sent_bytes
        if len(self.answer) < 1_000_000:
            self.answer += received


class Crowd:
    """So many threads that connect, stay for a while, and connect anew, until they are stopped."""

    def __init__(self, connect: Connect, count: int, longest_s: float) -> None:
        self._connect, self._until = connect, time.monotonic() + longest_s
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End them all, on the hub."""
        gevent.get_hub().threadpool.apply(self.end)

    def end(self) -> None:
        """End them all, in a process without a hub."""
        self._stopped.set()
        for thread in self._threads:
            thread.join(5)

    def _goes_on(self) -> bool:
        return not self._stopped.is_set() and time.monotonic() < self._until

    def _run(self) -> None:
        while self._goes_on():
            with suppress(OSError), self._connect() as sock:
                self._stay(sock)

    def _stay(self, sock: socket.socket) -> None:
        raise NotImplementedError


class Slow(Crowd):
    """Each sends `opening`, then a byte in a while."""

    def __init__(self, connect: Connect, opening: bytes, count: int, longest_s: float = LONGEST_S) -> None:
        self.connected = threading.Semaphore(0)  #: released at each connection
        self._opening = opening
        super().__init__(connect, count, longest_s)
        for _ in range(count):
            self.connected.acquire(timeout=10)

    def _stay(self, sock: socket.socket) -> None:
        sock.sendall(self._opening)
        self.connected.release()
        while not self._stopped.wait(0.2) and self._goes_on():
            sock.sendall(b"x")


class Held(Crowd):
    """Each sends `opening` and then nothing, and reads nothing, until it is ended."""

    def __init__(self, connect: Connect, opening: bytes, count: int, longest_s: float = LONGEST_S) -> None:
        self._opening = opening
        super().__init__(connect, count, longest_s)

    def _stay(self, sock: socket.socket) -> None:
        sock.sendall(self._opening)
        ended = select.poll()
        ended.register(sock, select.POLLRDHUP)
        while self._goes_on():
            if ended.poll(200):
                return


class Askers(Crowd):
    """Each asks the same thing, waits a little for the answer, and comes again without pause."""

    def __init__(self, connect: Connect, request: bytes, count: int, longest_s: float = LONGEST_S) -> None:
        self.asked = 0
        self._request = request
        super().__init__(connect, count, longest_s)

    def _stay(self, sock: socket.socket) -> None:
        sock.settimeout(1)
        sock.sendall(self._request)
        self.asked += 1
        sock.recv(65_536)


def send_both_ways(
    sock: socket.socket,
    opening: bytes,
    piece: bytes,
    note: Callable[[int, bytes], None],
    goes_on: Callable[[], bool],
) -> None:
    """Send and read without ever waiting for one of both; returns at the end of the stream. Raises OSError."""
    sock.setblocking(False)
    waiting = memoryview(opening or piece)
    while goes_on():
        select.select([sock], [sock] if waiting else [], [], 0.05)
        try:
            sent = sock.send(waiting) if waiting else 0
            note(sent, b"")
            waiting = waiting[sent:] or memoryview(piece if waiting else b"")
        except NOT_NOW:
            pass
        except OSError:
            waiting = memoryview(b"")  # nobody takes any more, but a last word may have come
        try:
            received = sock.recv(65_536)
            if not received:
                return
            note(0, received)
        except NOT_NOW:
            pass


def tcp(port: int) -> Connect:
    """Connect to this port of this machine."""
    return lambda: socket.create_connection(("127.0.0.1", port), 10)


def unix(path: Path) -> Connect:
    """Connect to a socket in the file system."""

    def connect() -> socket.socket:
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(path))
        return sock

    return connect


def tls(port: int, ca_file: Path) -> Connect:
    """Connect to this port of this machine, and shake hands."""

    def connect() -> socket.socket:
        return ssl.create_default_context(cafile=str(ca_file)).wrap_socket(tcp(port)(), server_hostname="127.0.0.1")

    return connect


def client_hello() -> bytes:
    """The first flight of a TLS client, which costs it nothing and the server a signature."""
    sent = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), sent, server_hostname="localhost").do_handshake()
    return sent.read()


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


class Turn:
    """Counts, on the hub, how often something happens between two turns of a greenlet that wants one all the time."""

    def __init__(self) -> None:
        self.most = 0  #: things in a row
        self.total = 0
        self._row = 0
        self._greenlet = gevent.spawn(self._tick)

    def happened(self, *_: Any) -> None:
        """One more."""
        self.total += 1
        self._row += 1
        self.most = max(self.most, self._row)

    def counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, each call of which happens."""

        @functools.wraps(function)
        def call(*arguments: Any, **options: Any) -> Any:
            self.happened()
            return function(*arguments, **options)

        return call

    def close(self) -> None:
        """Stop counting."""
        self._greenlet.kill()

    def _tick(self) -> None:
        while True:
            gevent.sleep(0.0001)
            self._row = 0

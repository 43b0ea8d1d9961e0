"""How a peer on this machine connects to a part of the box."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

Connect = Callable[[], socket.socket]


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

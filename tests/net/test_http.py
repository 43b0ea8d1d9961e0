"""HTTP answers are bounded in bytes and in time, and a server that floods leaves the hub to others."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.client import parse_headers

import gevent
import gevent.socket
import pytest
from gevent.server import StreamServer

from agent.net.http import MAX_BODY_BYTES, HttpError, HttpHost
from agent.net.turns import READS_A_TURN, FairReader
from bench.rig.floods import LONGEST_S, send_both_ways
from bench.rig.turn import Turn

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


class Host:
    """A plain server that says the same to everybody, and then goes on with `piece`, slowly or as fast as it can."""

    def __init__(self, opening: bytes, piece: bytes = b"", pause_s: float = 0.0) -> None:
        self.connections = 0
        self.gave_up = False
        self._opening, self._piece, self._pause_s = opening, piece, pause_s
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        gevent.get_hub().threadpool.apply(self._thread.join, (LONGEST_S + 5,))

    def _serve(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            with sock, suppress(OSError):
                self._answer(sock)

    def _answer(self, sock: socket.socket) -> None:
        until = time.monotonic() + LONGEST_S
        if not self._piece:
            self._answer_all(sock)
            return
        sock.recv(4096)
        if not self._pause_s:
            piece = self._piece * (16 * 1024 // len(self._piece) + 1)
            send_both_ways(sock, self._opening, piece, lambda *_: None, lambda: time.monotonic() < until)
        else:
            sock.sendall(self._opening)
            while time.monotonic() < until:
                sock.sendall(self._piece)
                time.sleep(self._pause_s)
        self.gave_up = time.monotonic() >= until

    def _answer_all(self, sock: socket.socket) -> None:
        """Keep the connection; each request is one, in however many pieces it comes."""
        with sock.makefile("rb") as file:
            while file.readline():
                file.read(int(parse_headers(file).get("Content-Length", 0)))
                sock.sendall(self._opening)


@pytest.fixture
def serve() -> Iterator[Callable[..., Host]]:
    hosts: list[Host] = []

    def start(*arguments: object) -> Host:
        hosts.append(Host(*arguments))  # type: ignore[arg-type]
        return hosts[-1]

    yield start
    for host in hosts:
        host.close()


@pytest.mark.parametrize(
    ("opening", "piece"),
    [
        (OK, b"X-More: and more\r\n"),
        (OK, b"X"),
        (OK + b"X-Folded: yes\r\n", b"\tand more\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (CHUNKED + b"1", b";name=value"),
        (CHUNKED, b"1\r\nx\r\n"),
        (CHUNKED + b"0\r\n", b"X-Trailer: 1\r\n"),
        (b"", b"\x00\xff"),
    ],
    ids=["headers", "one header", "continuation", "interim answers", "chunk extension", "chunks", "trailers", "junk"],
)
def test_an_answer_without_end_is_left_and_the_hub_goes_on_meanwhile(
    serve: Callable[..., Host], monkeypatch: pytest.MonkeyPatch, opening: bytes, piece: bytes
) -> None:
    host, turn = serve(opening, piece), Turn()
    monkeypatch.setattr(FairReader, "readinto", turn.counted(FairReader.readinto))

    with pytest.raises(HttpError):
        HttpHost(host.base, timeout_s=10).request("GET", "/token", {})

    turn.close()
    assert 0 < turn.most <= READS_A_TURN + 1
    assert not host.gave_up


def test_a_server_that_drips_is_given_up_in_time(serve: Callable[..., Host]) -> None:
    host = serve(OK + b"Content-Length: 1000\r\n\r\n", b"x", 0.05)

    with pytest.raises(HttpError, match=r"no answer within 0\.5 s"):
        HttpHost(host.base, timeout_s=0.5).request("GET", "/", {})


def test_of_a_long_body_the_first_part_is_enough(serve: Callable[..., Host]) -> None:
    host = serve(OK + b"Content-Length: 1000000\r\n\r\n", b"x" * 1000)

    assert HttpHost(host.base).request("GET", "/", {}).body == b"x" * MAX_BODY_BYTES


@pytest.mark.parametrize("said", [OK + b"Content-Length: 10\r\n\r\nhalf", CHUNKED + b"a\r\nhalf", OK[:9], b""])
def test_an_answer_that_is_cut_off_is_none(said: bytes) -> None:
    def answer(sock: gevent.socket.socket, _address: object) -> None:
        sock.recv(4096)
        sock.sendall(said)

    server = StreamServer(("127.0.0.1", 0), answer)
    server.start()
    with pytest.raises(HttpError):
        HttpHost(f"http://127.0.0.1:{server.server_port}").request("GET", "/", {})
    server.stop()


def test_a_connection_is_used_again(serve: Callable[..., Host]) -> None:
    host = serve(OK + b"Content-Length: 2\r\n\r\nhi")
    client = HttpHost(host.base)

    assert [client.request("POST", "/", {}, b"{}").body for _ in range(3)] == [b"hi"] * 3
    client.close()
    assert host.connections == 1

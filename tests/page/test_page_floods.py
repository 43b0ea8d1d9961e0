"""Whoever floods the page, or is slow at it, gets a bounded answer and leaves the hub to everybody else."""

from __future__ import annotations

import base64
import socket
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import gevent.socket
import pytest

from agent.page import connection
from agent.page.connection import MAX_HEAD_BYTES, MAX_REQUESTS
from agent.page.guard import Guard
from bench.rig.floods import Flood
from bench.rig.turn import Turn
from bench.rig.ways_in import tcp

PASSWORD = "correct horse"
SECRET = b"the-strangers-own-words"
HOST = b"Host: 127.0.0.1\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST
POST = b"POST /press/green HTTP/1.1\r\nX-Kiosk-Panel: 1\r\n" + HOST
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


def basic(password: str) -> bytes:
    return b"Authorization: Basic " + base64.b64encode(f":{password}".encode()) + b"\r\n"


KNOWN = basic(PASSWORD)


@pytest.fixture
def port(serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("agent.page.guesses.WRONG_PASSWORD_S", 0.0)
    return int(serve(password=PASSWORD).host.rpartition(":")[2])


@pytest.fixture
def turn() -> Iterator[Turn]:
    turn = Turn()
    yield turn
    turn.close()


FLOODS = {
    "pipelined GET": (b"", GET + b"\r\n"),
    "pipelined GET with the password": (b"", GET + KNOWN + b"\r\n"),
    "pipelined POST with a wrong password": (b"", POST + basic(SECRET.decode()) + b"\r\n"),
    "pipelined POST with the password": (b"", POST + KNOWN + b"Content-Length: 2\r\n\r\n{}"),
    "pipelined requests for what is not there": (b"", b"GET /" + SECRET + b" HTTP/1.1\r\n" + HOST + KNOWN + b"\r\n"),
    "tiny chunks": (CHUNKED, b"1\r\nx\r\n"),
    "a chunk extension": (CHUNKED + b"1", b";" + SECRET + b"=1"),
    "trailers": (CHUNKED + b"0\r\n", b"X-Trailer: 1\r\n"),
    "a body": (POST + KNOWN + b"Content-Length: 999999999999\r\n\r\n", SECRET),
    "headers": (GET, b"X-More: " + SECRET + b"\r\n"),
    "short headers": (GET, b"a:\r\n"),
    "a header": (GET + b"X-Long: ", SECRET),
    "a folded header": (GET + b"X-Folded: 1\r\n", b"\t" + SECRET + b"\r\n"),
    "a request line": (b"GET /", SECRET),
    "empty lines": (b"", b"\r\n"),
    "HTTP/0.9": (b"", b"GET /\r\n\r\n"),
    "junk": (b"", b"\x00\xff\n" + SECRET),
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_is_ended_and_all_others_have_their_turn(
    port: int, turn: Turn, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: Any, name: str
) -> None:
    opening, piece = FLOODS[name]
    monkeypatch.setattr(Guard, "check", turn.counted(Guard.check))

    floods = [Flood(tcp(port), piece, opening) for _ in range(3)]
    for flood in floods:
        flood.join()

    assert all(flood.was_ended for flood in floods)
    assert turn.most <= 2 * len(floods)
    assert max(flood.answer.count(b"HTTP/1.1 ") for flood in floods) <= MAX_REQUESTS
    assert len(caplog.records) <= 1
    assert SECRET.decode() not in caplog.text + "".join(capfd.readouterr())


@pytest.mark.parametrize("name", [name for name in FLOODS if "with the password" not in name and name != "HTTP/0.9"])
def test_a_refused_request_is_answered_once_and_closes_its_connection(port: int, name: str) -> None:
    flood = Flood(tcp(port), FLOODS[name][1], FLOODS[name][0])
    flood.join()

    assert flood.answer.count(b"HTTP/1.1 ") == 1
    assert flood.answer[9:10] == b"4"
    assert b"Connection: close" in flood.answer


def test_a_connection_has_so_many_requests_and_is_told_which_is_the_last(port: int) -> None:
    flood = Flood(tcp(port), GET.replace(b"GET /", b"GET /status") + KNOWN + b"\r\n")
    flood.join()

    answers = bytes(flood.answer).split(b"HTTP/1.1 ")[1:]
    assert len(answers) == MAX_REQUESTS
    assert [b"Connection: close" in answer for answer in answers] == [False] * (MAX_REQUESTS - 1) + [True]


def ask(port: int, *pieces: bytes) -> bytes:
    """Send pieces with time between them; all that is answered until the end."""
    with gevent.socket.create_connection(("127.0.0.1", port)) as sock, gevent.Timeout(10):
        for piece in pieces:
            sock.sendall(piece)
            gevent.sleep(0.01)
        return b"".join(iter(lambda: sock.recv(65_536), b""))


def test_honest_requests_share_a_connection_and_may_bring_a_small_body(port: int, box: Any) -> None:
    press = POST + KNOWN + b"Content-Length: 11\r\n"
    last = GET + KNOWN + b"Connection: close\r\n\r\n"
    answer = ask(port, press + b"\r\n{\"hold\"", b": 1}", GET + KNOWN + b"\r\n", last)

    assert answer.count(b"HTTP/1.1 204") == 1
    assert answer.count(b"HTTP/1.1 200") == 2
    assert box.done == [("press", "green", 0.1)]


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        (CHUNKED, b"411 Length Required"),
        (POST + b"Content-Length: 5000\r\n\r\n", b"413 Content Too Large"),
        (GET + b"X-Long: " + b"x" * MAX_HEAD_BYTES + b"\r\n\r\n", b"431 Request Header Fields Too Large"),
        (POST + b"Content-Length: many\r\n\r\n", b"400 Bad Request"),
        (POST + b"Origin: http://[\r\n" + KNOWN + b"\r\n", b"403 Forbidden"),
        (GET + "Authorization: Basic schlüssel\r\n\r\n".encode("latin-1"), b"401 Unauthorized"),
    ],
)
def test_a_request_that_cannot_be_used_is_told_why(port: int, capfd: Any, request_: bytes, says: bytes) -> None:
    answer = ask(port, request_)

    assert says in answer
    assert b'{"error": "' in answer
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("slow", [b"GET / HTTP", GET + b"X-Slow: ", POST + KNOWN + b"Content-Length: 9\r\n\r\n1"])
def test_a_request_that_is_never_finished_is_given_up(
    port: int, monkeypatch: pytest.MonkeyPatch, slow: bytes
) -> None:
    monkeypatch.setattr(connection, "HEAD_S", 0.2)
    monkeypatch.setattr(connection, "IDLE_S", 0.2)

    with gevent.socket.create_connection(("127.0.0.1", port)) as sock, gevent.Timeout(10):
        sock.sendall(slow)

        def drip() -> None:
            while True:
                sock.sendall(b"1")
                gevent.sleep(0.05)

        dripping = gevent.spawn(drip) if not slow.endswith(b"1") else None
        with_end = b"".join(iter(lambda: _received(sock), b""))
        if dripping is not None:
            dripping.kill()
    assert with_end == b"" or b"408 Request Timeout" in with_end


def _received(sock: socket.socket) -> bytes:
    try:
        return sock.recv(4096)
    except ConnectionResetError:
        return b""

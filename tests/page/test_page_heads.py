"""What a request looks like on the wire: what could be read in two ways is not answered, and every refusal is JSON."""

from __future__ import annotations

import json
from typing import Any

import gevent
import pytest
from gevent import socket

from agent.page.connection import MAX_HEAD_BYTES

BODY = b'{"percent": 3}'
HOST, OWN, LENGTH, END = "Host: 127.0.0.1", "X-Kiosk-Panel: 1", f"Content-Length: {len(BODY)}", "Connection: close"
HIDDEN = b"POST /api/v1/hang-up HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Kiosk-Panel: 1\r\nConnection: close\r\n\r\n"


def exchange(browser: Any, first: str, *lines: str, body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
    """Send this as it is; status, headers and body of all that is answered until the connection ends."""
    head = "\r\n".join([first, *lines, "", ""]).encode("latin-1")
    with gevent.Timeout(30), socket.create_connection(("127.0.0.1", int(browser.host.rpartition(":")[2]))) as wire:
        wire.sendall(head + body)
        answer = b"".join(iter(lambda: wire.recv(65_536), b""))
    start, _, rest = answer.partition(b"\r\n\r\n")
    status, *named = start.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in named)}
    return int(status.split()[1]), headers, rest


def test_a_plain_request_is_answered(browser: Any, box: Any) -> None:
    plain = (HOST, OWN, LENGTH, "Content-Type: application/json", END)
    assert exchange(browser, "POST /api/v1/volume HTTP/1.1", *plain, body=BODY)[0] == 204
    assert box.done == [("volume", 3)]


@pytest.mark.parametrize(
    "odd",
    [
        ("no colon", f"Content-Length: {len(HIDDEN)}"),
        ("A name with blanks: 1", f"Content-Length: {len(HIDDEN)}"),
        (f"Content-Length : {len(HIDDEN)}",),
        (": no name",),
        ("Content-Length: 0", f"Content-Length: {len(HIDDEN)}"),
        (f"Content-Length: +{len(HIDDEN)}",),
        (f"Content-Length: {str(len(HIDDEN))[0]}_{str(len(HIDDEN))[1:]}",),
        ("Content-Length: 0\r\n 0",),
        ("Content-Length: \xb2",),
        (f"X-Note: a\rContent-Length: {len(HIDDEN)}",),
        ("X-Note: a\0b",),
        (HOST,),
        ("Authorization: Bearer a", "Authorization: Bearer b"),
        ("Content-Type: text/plain", "Content-Type: application/json"),
    ],
)
def test_what_a_proxy_could_understand_otherwise_is_refused_with_all_that_follows(
    browser: Any, box: Any, odd: tuple[str, ...]
) -> None:
    """Else what it takes for a body would be a request of its own here (RFC 9112 section 11.2)."""
    status, _headers, rest = exchange(browser, "POST /api/v1/answer HTTP/1.1", HOST, OWN, *odd, body=HIDDEN)

    assert status == 400 and json.loads(rest)["error"]
    assert box.done == []


@pytest.mark.parametrize(
    ("first", "lines", "status"),
    [
        (f"GET /{'a' * 9000} HTTP/1.1", [HOST], 414),
        ("GET / HTTP/1.1", [HOST, *(f"X-{number}: y" for number in range(200))], 431),
        ("GET / HTTP/1.1", [HOST, f"X: {'a' * MAX_HEAD_BYTES}"], 431),
        ("GET / HTTP/3.0", [HOST], 400),
        ("HELO box", [HOST], 400),
        ("GET /\rHTTP/1.1", [HOST], 400),
    ],
)
def test_what_is_too_long_or_no_http_is_told_as_json(browser: Any, first: str, lines: list[str], status: int) -> None:
    told, headers, rest = exchange(browser, first, *lines)

    assert (told, headers["content-type"], headers["connection"]) == (status, "application/json", "close")
    assert json.loads(rest)["error"]


@pytest.mark.parametrize("path", ["/", "/api/v1/status", "/nothing"])
def test_the_answer_to_head_has_no_body(browser: Any, path: str) -> None:
    status, headers, rest = exchange(browser, f"HEAD {path} HTTP/1.1", HOST)

    assert status == 405 and "GET" in headers["allow"]
    assert rest == b""

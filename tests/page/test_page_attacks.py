"""Whatever strangers do to the page, from the owner's own address too, its owner is served."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any

import gevent
import gevent.socket
import pytest
from gevent.event import Event

from agent.page import guesses
from agent.page.guard import Guard
from agent.page.server import MAX_CONNECTIONS, MAX_WATCHING
from bench.rig.crowds import Askers, Slow
from bench.rig.ways_in import tcp

PASSWORD = "correct horse"
HOST = b"Host: 127.0.0.1\r\n"
WRONG = b"Authorization: Basic " + base64.b64encode(b":wrong horse") + b"\r\n"
RIGHT = "Basic " + base64.b64encode(f":{PASSWORD}".encode()).decode()
SLOW = {
    "nothing": b"",
    "half a line": b"GET / HT",
    "half a head": b"GET / HTTP/1.1\r\n" + HOST + b"X-Slow: ",
    "half a body": b"POST /door HTTP/1.1\r\n" + HOST + b"Content-Length: 4000\r\n\r\n",
    "answers nobody reads": (b"GET / HTTP/1.1\r\n" + HOST + b"\r\n") * 90,
}


@pytest.fixture
def attack() -> Iterator[Callable[..., Any]]:
    attacks: list[Any] = []

    def begin(kind: Callable[..., Any], *arguments: Any) -> Any:
        attacks.append(gevent.get_hub().threadpool.apply(kind, arguments))
        return attacks[-1]

    yield begin
    for one in attacks:
        one.stop()


def port(browser: Any) -> int:
    return int(browser.host.rpartition(":")[2])


@pytest.mark.parametrize("opening", SLOW.values(), ids=SLOW)
def test_slow_connections_lock_nobody_out(
    serve: Callable[..., Any], attack: Callable[..., Any], opening: bytes
) -> None:
    browser = serve()
    attack(Slow, tcp(port(browser)), opening, 2 * MAX_CONNECTIONS)

    for _ in range(5):
        assert browser.get("/status", Connection="close").status_code == 200


def test_the_owner_need_not_wait_for_many_who_guess(serve: Callable[..., Any], attack: Callable[..., Any]) -> None:
    browser = serve(password=PASSWORD)
    guessing = attack(Askers, tcp(port(browser)), b"GET /status HTTP/1.1\r\n" + HOST + WRONG + b"\r\n", 40)
    while guessing.asked < 200:  # many of them have lost patience by now
        gevent.sleep(0.01)

    assert browser.get("/status", Authorization=RIGHT, Connection="close").status_code == 200


def test_the_owner_waits_for_no_guess_of_another_address(
    serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guesses, "WRONG_PASSWORD_S", 3600.0)
    browser, judged = serve(password=PASSWORD), Event()
    knows = Guard.knows
    monkeypatch.setattr(Guard, "knows", lambda guard, headers: judged.set() or knows(guard, headers))
    elsewhere = ("127.0.0.2", 0)
    with gevent.socket.create_connection(("127.0.0.1", port(browser)), source_address=elsewhere) as other:
        other.sendall(b"GET /status HTTP/1.1\r\n" + HOST + WRONG + b"\r\n")
        assert judged.wait(10)

        assert browser.get("/status", Authorization=RIGHT).status_code == 200


def test_guesses_of_one_address_are_looked_at_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guesses, "WRONG_PASSWORD_S", 3600.0)
    judging = guesses.Guesses()
    seen: list[int] = []
    waiting = [gevent.spawn(judging.judge, "10.0.0.1", lambda: bool(seen.append(1)), lambda: False) for _ in range(3)]
    gevent.idle()

    assert len(seen) == 1
    assert judging.judge("10.0.0.2", lambda: True, lambda: False)
    gevent.killall(waiting)
    assert not judging._lanes


def test_a_guess_whose_sender_has_gone_costs_nobody_any_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guesses, "WRONG_PASSWORD_S", 3600.0)
    judging = guesses.Guesses()

    assert not judging.judge("10.0.0.1", lambda: True, lambda: True)
    assert judging.judge("10.0.0.1", lambda: True, lambda: False)


def test_whoever_is_known_does_not_queue_with_those_who_guess(
    serve: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = serve(password=PASSWORD)
    assert browser.get("/status", Authorization=RIGHT).read()
    monkeypatch.setattr(guesses, "WRONG_PASSWORD_S", 3600.0)
    judged = Event()
    knows = Guard.knows
    monkeypatch.setattr(Guard, "knows", lambda guard, headers: judged.set() or knows(guard, headers))
    with gevent.socket.create_connection(("127.0.0.1", port(browser))) as other:
        other.sendall(b"GET /status HTTP/1.1\r\n" + HOST + WRONG + b"\r\n")
        assert judged.wait(10)

        assert browser.get("/status", Authorization=RIGHT).status_code == 200


def test_streams_of_others_do_not_keep_the_owner_from_his(
    serve: Callable[..., Any], attack: Callable[..., Any]
) -> None:
    browser = serve()
    attack(Slow, tcp(port(browser)), b"GET /events HTTP/1.1\r\n" + HOST + b"\r\n", 2 * MAX_WATCHING)

    assert browser.get("/events", Connection="close").status_code == 200


FOREIGN = [{"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"}, {"Origin": "https://attacker.example"},
           {"Origin": "null"}]  # fmt: skip


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
@pytest.mark.parametrize("path", ["/", "/events", "/status", "/panel.js", "/icon.svg", "/nothing"])
def test_another_site_gets_nothing(browser: Any, path: str, headers: dict[str, str]) -> None:
    assert browser.get(path, **headers).status_code == 403


def test_a_link_of_another_site_leads_to_the_page_and_nowhere_else(browser: Any) -> None:
    link = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}

    assert browser.get("/", **link).status_code == 200
    assert browser.get("/status", **link).status_code == 403
    assert browser.get("/", **{**link, "Sec_Fetch_Dest": "iframe"}).status_code == 403
    assert browser.post("/door", **link).status_code == 403

"""Names that are looked up slowly: by a resolver of the test, because this machine's is quick."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gevent
import pytest
from gevent import socket
from gevent.event import Event

from agent.net import kept_answers
from agent.net import resolve as resolve_module
from agent.net.http import HttpError, HttpHost
from agent.net.kept_answers import MOST_KEPT, KeptAnswers
from agent.net.resolve import is_literal, resolve

ADDRESS = (socket.AF_INET, ("127.0.0.1", 9))


class Resolver:
    """Answers when it is let, with what it is told."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.gate = Event()
        self.answer: Any = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 9))]

    def getaddrinfo(self, host: str, port: int, **_more: Any) -> Any:
        self.asked.append((host, port))
        self.gate.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    resolver = Resolver()
    monkeypatch.setattr(resolve_module.socket, "getaddrinfo", resolver.getaddrinfo)
    monkeypatch.setattr(kept_answers, "SLOW_S", 0.0)
    monkeypatch.setattr(resolve_module, "_kept", KeptAnswers())
    yield resolver
    resolver.gate.set()
    gevent.sleep(0)


def test_a_look_up_that_takes_too_long_says_so(resolver: Resolver) -> None:
    with pytest.raises(socket.gaierror, match=r"no name server answered within 0\.01 s"):
        resolve("slow.example", 9, 0.01)


def test_an_answer_that_comes_late_is_kept_for_the_next_try(resolver: Resolver) -> None:
    for _ in range(3):
        with pytest.raises(socket.gaierror):
            resolve("slow.example", 9, 0.01)
    assert len(resolver.asked) == 1  # who asks again joins the look-up under way

    resolver.gate.set()
    gevent.sleep(0.01)
    resolver.gate.clear()

    assert resolve("slow.example", 9, 0.01) == [ADDRESS]
    assert len(resolver.asked) == 1


@pytest.mark.parametrize("ends", ["killed", "own time limit"])
def test_who_gives_up_leaves_the_look_up_going(resolver: Resolver, ends: str) -> None:
    def wait() -> None:
        with gevent.Timeout(0.01 if ends == "own time limit" else None, False):
            resolve("slow.example", 9, 5)

    waiting = gevent.spawn(wait)
    gevent.sleep(0.03)
    waiting.kill()
    resolver.gate.set()
    gevent.sleep(0.01)
    resolver.gate.clear()

    assert resolve("slow.example", 9, 0.01) == [ADDRESS]


def test_a_kept_answer_grows_old(resolver: Resolver, monkeypatch: pytest.MonkeyPatch) -> None:
    resolver.gate.set()
    resolve("slow.example", 9)
    resolve("slow.example", 9)
    assert len(resolver.asked) == 1

    monkeypatch.setattr(kept_answers, "KEPT_S", -1.0)
    resolve("slow.example", 9)

    assert len(resolver.asked) == 2


def test_a_quick_answer_is_asked_for_each_time(resolver: Resolver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_answers, "SLOW_S", 60.0)
    resolver.gate.set()
    resolve("quick.example", 9)
    resolve("quick.example", 9)

    assert len(resolver.asked) == 2


@pytest.mark.parametrize("error", [socket.gaierror(-2, "Name or service not known"), UnicodeError("label too long")])
def test_a_failure_is_told_to_everybody_who_waits_and_not_kept(resolver: Resolver, error: Exception) -> None:
    resolver.answer = error
    waiting = [gevent.spawn(resolve, "none.example", 9) for _ in range(3)]
    gevent.sleep(0)
    resolver.gate.set()
    gevent.joinall(waiting)
    assert [type(each.exception) for each in waiting] == [type(error)] * 3

    resolver.answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 9))]
    assert resolve("none.example", 9) == [ADDRESS]


def test_the_answers_that_are_kept_are_few(resolver: Resolver) -> None:
    resolver.gate.set()
    for n in range(MOST_KEPT + 10):
        resolve(f"h{n}.example", 9)

    assert len(resolve_module._kept._kept) == MOST_KEPT


def test_a_request_has_its_time_besides_that_of_the_look_up(resolver: Resolver) -> None:
    host = HttpHost("http://slow.example:9", timeout_s=0.05)
    asking = gevent.spawn(host.request, "GET", "/", {})
    gevent.sleep(0.2)
    assert not asking.ready()

    resolver.gate.set()
    asking.join()

    assert isinstance(asking.exception, HttpError)
    assert "refused" in str(asking.exception)


@pytest.mark.parametrize(
    ("host", "literal"),
    [("127.0.0.1", True), ("::1", True), ("fe80::1%eth0", True), ("localhost", False), ("1.2.3.example", False)],
)
def test_an_address_needs_no_look_up(host: str, literal: bool) -> None:
    assert is_literal(host) == literal


@pytest.mark.parametrize("host", ["x" * 64, "a..b", "\ud800"])
def test_what_is_no_name_is_not_found_and_no_thread_stumbles_over_it(
    host: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(socket.gaierror):
        resolve(host, 80)
    assert "Traceback" not in capfd.readouterr().err

"""A box with two edges, its user agent on a clock that the test moves and sockets on paper: what a dead edge costs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from agent.signaling.sip.account import SipAccount
from agent.signaling.sip.effects import CloseEdge, DialEdge, SipEffect, TellListeners, WriteText
from agent.signaling.sip.flow import LASTING_S, NEXT_EDGE_S, PING, PONG
from agent.signaling.sip.flows import Flows
from agent.signaling.sip.headers import SipHeaders
from agent.signaling.sip.message import SipRequest, SipResponse, parse_message, write_message
from agent.signaling.sip.user_agent import UserAgent

A, B, C = "wss://a.example/", "wss://b.example/", "wss://c.example/"


class Site:
    """A box and its edges; an edge that is `up` takes connections, one that is in `answers` says that to REGISTER."""

    def __init__(self, *edges: str, dead: str = "", answers: dict[str, int | None] | None = None) -> None:
        self.now = 50.0
        self.up = set(edges) - {dead}
        self.answers = dict.fromkeys(edges, 200) | (answers or {})
        account = SipAccount(edges, "kiosk", "pbx.example", "secret", instance="c44932bb-f1bc-45ae-afcd-0f0b0a1b1836")
        self.agent = UserAgent(account, Flows(edges, random=lambda: 0.0), random=lambda: 0.0)
        self.told: list[tuple[str, Any]] = []
        self.requests: list[tuple[int, SipRequest]] = []
        self.dialled: dict[int, str] = {}
        self.run(self.agent.open(self.now))
        self.run(self.agent.register(True, self.now))

    def run(self, effects: Iterable[SipEffect]) -> None:
        for effect in self.agent.settle(effects, self.now):
            match effect:
                case DialEdge(number, attempt, uri):
                    self._dial(number, attempt, uri)
                case WriteText(number, attempt, text):
                    self._take(number, attempt, text)
                case CloseEdge(number):
                    self.dialled.pop(number, None)
                case TellListeners(event, payload):
                    self.told.append((event, payload.get("error", {}).get("code")))

    def _dial(self, number: int, attempt: int, uri: str) -> None:
        self.dialled[number] = uri
        flow = self.agent.flows[number]
        if uri in self.up:
            self.run(flow.socket_opened(attempt, self.now))
        else:
            self.run(flow.socket_failed(attempt, f"{uri} refused it"))
            self.run(flow.socket_closed(attempt, 1006, "", self.now))

    def _take(self, number: int, attempt: int, text: str) -> None:
        uri, flow = self.dialled[number], self.agent.flows[number]
        if text == PING and uri in self.up:
            self.run(flow.socket_message(attempt, PONG, self.now))
        elif uri in self.up and isinstance(message := parse_message(text), SipRequest):
            self.requests.append((number, message))
            if message.method == "REGISTER" and (status := self.answers[uri]):
                self.run(flow.socket_message(attempt, self._answer(message, status), self.now))

    def _answer(self, request: SipRequest, status: int) -> str:
        lines = request.headers.only("Via", "From", "To", "Call-ID", "CSeq", "Contact").lines
        challenge = f'Digest realm="r", nonce="{len(self.requests)}"'
        headers = SipHeaders((*lines, ("WWW-Authenticate", challenge), ("Flow-Timer", "30")))
        return write_message(SipResponse(status, "", headers))

    def kill(self, uri: str, *, silently: bool = False) -> None:
        self.up.discard(uri)
        for number in [number for number, dialled in self.dialled.items() if dialled == uri and not silently]:
            flow = self.agent.flows[number]
            self.run(flow.socket_closed(flow.attempt, 1006, "", self.now))

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while (due := self.agent.deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self.run(self.agent.tick(self.now))
        self.now = end

    def news(self) -> list[tuple[str, Any]]:
        told, self.told = self.told, []
        return told


@pytest.fixture
def site() -> Site:
    site = Site(A, B)
    site.wait(LASTING_S + 1)
    site.requests.clear()
    site.news()
    return site


def test_a_box_with_two_edges_is_ready_once_and_registered_twice():
    site = Site(A, B)

    assert site.news() == [("transport_open", None), ("connected", None), ("ready", None)]
    assert [(number, request.contacts[0].params.get("reg-id")) for number, request in site.requests] == [
        (1, "1"), (2, "2"),
    ]  # fmt: skip


def test_a_dead_edge_costs_nothing(site: Site):
    site.kill(A)
    site.wait(300)

    assert (site.news(), site.agent.status, site.dialled.get(2)) == ([], "ready", B)


def test_an_edge_that_dies_without_a_word_costs_nothing_either(site: Site):
    site.kill(A, silently=True)
    site.wait(300)

    assert (site.news(), site.agent.status) == ([], "ready")
    assert site.agent.flows.open_numbers == (2,)


def test_an_edge_that_comes_back_is_used_again(site: Site):
    site.kill(A)
    site.wait(60)
    site.up.add(A)
    site.wait(60)

    assert site.agent.flows.open_numbers == (1, 2)
    assert [number for number, request in site.requests if request.method == "REGISTER"][-1] == 1


def test_a_third_edge_takes_the_place_of_a_dead_one_at_once():
    site = Site(A, B, C)
    site.wait(LASTING_S + 1)
    site.kill(A)
    site.wait(NEXT_EDGE_S[1])

    assert (site.dialled, site.agent.status) == ({1: C, 2: B}, "ready")


def test_with_one_edge_the_box_is_ready_as_soon_as_it_is_back():
    site = Site(A)
    site.wait(LASTING_S + 1)
    site.news()
    site.kill(A)
    assert site.agent.status == "disconnected"
    site.up.add(A)
    site.wait(1)

    assert site.agent.status == "ready"
    assert [event for event, _ in site.news()][-1] == "ready"


@pytest.mark.parametrize("dead", [A, B])
def test_an_edge_that_is_dead_from_the_beginning_is_no_error_of_a_box_that_is_ready(dead):
    site = Site(A, B, dead=dead)
    site.wait(1)
    site.news()
    site.wait(300)

    assert (site.news(), site.agent.status) == ([], "ready")


@pytest.mark.parametrize("status", [503, 403, 401, None])
@pytest.mark.parametrize("uri", [A, B])
def test_an_edge_that_does_not_take_us_is_no_error_while_the_other_one_does(uri, status):
    site = Site(A, B, answers={uri: status})
    site.wait(300)

    assert "error" not in [event for event, _ in site.news()]
    assert site.agent.status == "ready"


def test_a_wrong_secret_is_one_error_for_both_edges_and_tried_again_seldom():
    site = Site(A, B, answers={A: 401, B: 401})
    site.wait(600)

    assert [code for event, code in site.news() if event == "error"] == [31201]
    assert len(site.requests) <= 2 * 2 * 6
    site.answers = {A: 200, B: 200}
    site.wait(1800)
    assert site.agent.status == "ready"


def test_when_the_good_edge_dies_the_refusal_of_the_other_one_is_told():
    site = Site(A, B, answers={A: 403})
    site.wait(60)
    assert "error" not in [event for event, _ in site.news()]
    site.kill(B)

    assert ("error", 31201) in site.news()
    assert site.agent.status == "connected"

"""A SipStream against a real edge: it registers, calls, is called, and comes back (agent.signaling.sip.stream)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gevent
import pytest

from agent.signaling.sip.account import SipAccount
from agent.signaling.sip.stream import SipStream
from tests.signaling.sip.edge import DOMAIN, HOSTS, SECRETS, Edge, Site

PATIENCE_S = 30.0
EVENTS = ("connected", "ready", "offline", "error", "invite", "cancel", "ringing", "answer", "hangup", "transport_open",
          "transport_close", "hold", "digit", "peer_changed", "offer_refused")  # fmt: skip
OFFER = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=sendrecv\r\n"
ANSWER = OFFER.replace("o=- 1", "o=- 2")


def until(condition: Callable[[], object]) -> None:
    with gevent.Timeout(PATIENCE_S, AssertionError("it did not come about")):
        while not condition():
            gevent.sleep(0.002)


class Box:
    """A SipStream and what it has told."""

    def __init__(self, edges: list[Edge], user: str = "kiosk", **account: Any) -> None:
        own = {"edges": tuple(edge.uri for edge in edges), "user": user, "domain": DOMAIN, "secret": SECRETS[user]}
        self.stream = SipStream(SipAccount(**own | account), ca_file=edges[0].ca_file)
        self.events: list[tuple[str, dict[str, Any]]] = []
        for name in EVENTS:
            self.stream.on(name, lambda payload, name=name: self.events.append((name, payload)))
        self.stream.on("connected", lambda _payload: self.stream.register(True))
        self.stream.open()

    def names(self) -> list[str]:
        return [name for name, _ in self.events]

    def event(self, name: str, n: int = 1) -> dict[str, Any]:
        """The payload of the nth event of this name; waits for it."""
        until(lambda: self.names().count(name) >= n)
        return [payload for told, payload in self.events if told == name][n - 1]

    def close(self) -> None:
        self.stream.destroy()
        self.stream.join(1.0)


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Edge]:
    edge = Edge(tmp_path)
    yield edge
    edge.close()


@pytest.fixture
def box() -> Iterator[Callable[..., Box]]:
    made: list[Box] = []

    def make(*edges: Edge, **more: Any) -> Box:
        made.append(Box(list(edges), **more))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
def test_a_box_registers_with_its_secret(edge: Edge, box: Callable[..., Box], algorithm: str) -> None:
    edge.site.algorithm = algorithm
    kiosk = box(edge)
    kiosk.event("ready")

    assert kiosk.names() == ["transport_open", "connected", "ready"]
    assert kiosk.stream.status == "ready"
    assert kiosk.stream.edge == "127.0.0.1"
    assert [each.user for each in edge.site.bindings] == ["kiosk"]


def test_two_boxes_call_each_other(edge: Edge, box: Callable[..., Box]) -> None:
    kiosk, desk = box(edge), box(edge, user="desk")
    kiosk.event("ready")
    desk.event("ready")

    kiosk.stream.invite(OFFER, "TJS1", False, "To=desk&Door=front%20door")
    invite = desk.event("invite")
    assert invite["sdp"] == OFFER
    assert invite["parameters"]["From"] == f"sip:kiosk@{DOMAIN}"
    assert invite["parameters"]["Params"] == "Door=front%20door"
    kiosk.event("ringing")
    desk.stream.answer(ANSWER, invite["callsid"])
    assert kiosk.event("answer") == {"callsid": "TJS1", "sdp": ANSWER}
    kiosk.stream.reinvite(OFFER.replace("1 1", "1 2"), "TJS1")
    assert desk.event("invite", 2)["callsid"] == invite["callsid"]
    desk.stream.answer(ANSWER.replace("2 1", "2 2"), invite["callsid"])
    kiosk.event("answer", 2)
    desk.stream.hangup(invite["callsid"])
    kiosk.event("hangup")
    until(lambda: not len(kiosk.stream._agent.calls) and not len(desk.stream._agent.calls))


def test_a_wrong_secret_is_told_once_and_not_tried_in_a_loop(edge: Edge, box: Callable[..., Box]) -> None:
    kiosk = box(edge, secret="wrong")
    error = kiosk.event("error")["error"]

    assert (error["code"], error["twilioError"].code) == (31201, 20151)
    assert "secret in [sip]" in error["message"]
    gevent.sleep(0.5)
    assert kiosk.names().count("error") == 1
    assert len(edge.requests("REGISTER")) == 2
    assert kiosk.stream.status == "connected"


def test_a_server_that_does_not_speak_sip_is_named_in_plain_words(edge: Edge, box: Callable[..., Box]) -> None:
    edge.subprotocols = None
    kiosk = box(edge)
    error = kiosk.event("error")["error"]

    assert error["code"] == 31000
    assert "127.0.0.1 takes WebSockets, but does not speak the sub-protocol sip" in error["message"]
    assert "connected" not in kiosk.names()


def test_a_certificate_that_does_not_verify_is_named_in_plain_words(
    edge: Edge, box: Callable[..., Box], tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    stranger = Edge(tmp_path / "other")
    stranger.ca_file = edge.ca_file
    kiosk = box(stranger)
    error = kiosk.event("error")["error"]
    stranger.close()

    assert "certificate" in error["message"]
    assert "connected" not in kiosk.names()


def test_the_other_edge_takes_over_at_once(tmp_path: Path, box: Callable[..., Box]) -> None:
    site = Site()
    edges = [Edge(tmp_path, site, host) for host in HOSTS[:2]]
    kiosk, desk = box(*edges), box(*edges, user="desk")
    until(lambda: len(site.bindings) == 4)
    kiosk.stream.invite(OFFER, "TJS1", False, "To=desk")
    invite = desk.event("invite")
    desk.stream.answer(ANSWER, invite["callsid"])
    kiosk.event("answer")
    assert desk.names().count("invite") == 1
    until(lambda: 482 in edges[0].statuses("INVITE") + edges[1].statuses("INVITE"))
    edges[0].kill()
    until(lambda: not [each for each in site.bindings if each.socket.edge is edges[0]])
    desk.stream.hangup(invite["callsid"])
    kiosk.event("hangup")

    for each in (kiosk, desk):
        assert not {"error", "offline", "transport_close"} & set(each.names())
    for edge in edges:
        edge.close()


def test_a_name_with_blanks_and_umlauts_is_registered_and_called(edge: Edge, box: Callable[..., Box]) -> None:
    kiosk, gate = box(edge), box(edge, user="große tür", display_name='Große "Tür"')
    kiosk.event("ready")
    gate.event("ready")
    kiosk.stream.invite(OFFER, "TJS1", False, "To=gro%C3%9Fe%20t%C3%BCr")
    assert gate.event("invite")["parameters"]["To"] == f"sip:gro%C3%9Fe%20t%C3%BCr@{DOMAIN}"


def test_the_end_signs_off(edge: Edge, box: Callable[..., Box]) -> None:
    kiosk = box(edge)
    kiosk.event("ready")
    kiosk.stream.destroy()
    kiosk.stream.join(2)

    assert kiosk.names()[-1] == "offline"
    until(lambda: not edge.site.bindings)
    until(lambda: ";expires=0" in edge.requests("REGISTER")[-1].get("Contact"))

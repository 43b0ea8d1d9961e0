"""Connections, registrations and what is told of them; whatever comes, nothing raises and nothing is left
(agent.signaling.sip.user_agent)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.signaling.sip.core import ANSWER, INSTANCE, OFFER, THEIRS, Paper, answered, refused, request, within
from tests.signaling.sip.sip_text import Text, answer_to


def test_a_box_is_ready_when_it_is_registered() -> None:
    paper = Paper(register=False)
    assert paper.agent.status == "connected"
    paper.do(paper.agent.register(True, paper.now))
    paper.do(paper.agent.register(True, paper.now))

    assert paper.events == ["ready"]
    assert len(paper.sent) == 1


def test_two_flows_are_told_of_once() -> None:
    paper = Paper(edges=2)
    paper.down(1)
    for _ in range(5):
        paper.move(10)
        paper.down(1)  # it cannot be dialled, again and again
    assert paper.events == []
    assert paper.agent.status == "ready"
    paper.back(1)
    assert paper.events == []
    paper.down(2)
    paper.down(1)

    assert paper.events == ["error", "transport_close", "offline"]
    assert paper.agent.status == "disconnected"


def test_a_lost_connection_comes_back_and_is_registered() -> None:
    paper = Paper()
    paper.down()
    paper.back()

    assert [name for name in paper.events if name != "error"] == [
        "transport_close", "offline", "transport_open", "connected", "ready"]  # fmt: skip


def test_a_box_signs_off_as_asked() -> None:
    paper = Paper()
    paper.do(paper.agent.register(False, paper.now))

    assert paper.events == ["offline"]
    assert paper.agent.status == "offline"
    assert "expires=0" in paper.sent[-1][1].get("Contact")


def test_a_refused_registration_says_what_to_do_once() -> None:
    paper = Paper(register=False)
    paper.answers_register = False
    paper.do(paper.agent.register(True, paper.now))
    paper.hears(refused(paper.sent[-1][1], 403, "Forbidden"))
    paper.move(30)

    (error,) = [payload["error"] for name, payload in paper.told if name == "error"]
    assert (error["code"], error["twilioError"].code) == (31201, 20151)
    assert "check user" in error["message"].lower()
    assert len(paper.sent) == 1
    assert paper.agent.status == "connected"


def test_the_end_hangs_up_signs_off_and_says_nothing_more() -> None:
    paper = Paper()
    paper.talk()
    paper.called("C2")
    paper.clear()
    paper.do(paper.agent.destroy(paper.now))
    paper.do(paper.agent.destroy(paper.now))

    assert sorted(paper.said) == ["480 INVITE", "BYE"]
    assert paper.events == ["offline"]
    assert paper.agent.status == "offline"
    paper.move(100)
    paper.hears(within_nothing())
    assert paper.events == ["offline"]


def within_nothing() -> Text:
    return request("OPTIONS", "C9")


def test_fifty_calls_each_way_leave_nothing() -> None:
    paper = Paper()
    for n in range(50):
        paper.talk(f"TJS{n}")
        paper.hears(within(paper, "BYE", f"TJS{n}", 1))
        paper.listens(f"C{n}")
        paper.asks(f"C{n}", "hang_up", None)
        paper.hears(answer_to(paper.last("BYE"), 200, "OK"))
        paper.called(f"D{n}")
        paper.hears(request("CANCEL", f"D{n}", branch=f"INVITE1D{n}"))
        paper.call(f"TJSc{n}")
        invite = paper.last("INVITE")
        paper.hears(answered(invite, body="", status=180))
        paper.asks(f"TJSc{n}", "hang_up", None)
        paper.hears(refused(invite, 487))
        paper.move(1)
    paper.move(70)

    assert paper.rest == 0
    assert paper.calls.servers.deadline() is None


@pytest.mark.parametrize("junk", [
    "", "x", "SIP/2.0 200 OK\r\n\r\n", "INVITE sip:x SIP/2.0\r\n\r\n", b"\xff\xfe", b"\x00" * 100, "\r\n" * 50,
    "SIP/2.0 487 Request Terminated\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\nCall-ID: x\r\n"
    "CSeq: 1 INVITE\r\n\r\n",
])  # fmt: skip
def test_what_is_not_sip_is_dropped(junk: str | bytes) -> None:
    paper = Paper()
    paper.do(paper.agent.flows[1].socket_message(paper.attempts[1], junk, paper.now))

    assert paper.said == []
    assert paper.events == []


def test_a_response_by_another_branch_means_nothing() -> None:
    paper = Paper()
    paper.call()
    invite = paper.last("INVITE").put("Via", "SIP/2.0/WSS a.invalid;branch=z9hG4bKother")
    paper.hears(answered(invite))

    assert paper.said == ["INVITE"]


# Orders of events

SIDS = ("TJS1", "C1")
STEPS = st.sampled_from([
    "call", "called", "180", "183", "200", "200 fork", "486", "491", "481", "401", "bye", "cancel", "ack", "ack sdp",
    "reinvite", "update", "offerless", "info", "answer", "hang_up", "offer", "reject", "decline", "press", "down",
    "back", "time", "long time", "200 all",
])  # fmt: skip


class Story:
    """Lets the far end and the program do whatever they like, in whatever order."""

    def __init__(self, edges: int) -> None:
        self.paper = Paper(edges=edges)
        self.number = 1
        self.begun: set[str] = set()

    def step(self, word: str, sid: str, flow: int) -> None:
        paper = self.paper
        if word in ("answer", "offer"):
            paper.asks(sid, word, ANSWER if word == "answer" else OFFER)
        elif word == "hang_up":
            paper.asks(sid, word, None)
        elif word in ("reject", "decline", "press"):
            paper.asks(sid, word, {"reject": 603, "decline": "busy", "press": "1w2"}[word])
        elif word in ("time", "long time"):
            paper.move(3 if word == "time" else 45)
        elif word == "down" and paper.agent.flows[flow].is_open:
            paper.down(flow)
        elif word == "back" and not paper.agent.flows[flow].is_open:
            paper.back(flow)
        elif paper.agent.flows[flow].is_open:
            self._far_end(word, sid, flow)

    def _far_end(self, word: str, sid: str, flow: int) -> None:
        paper = self.paper
        ours = [text for _, text in paper.sent if text.is_request and text.method not in ("ACK", "REGISTER")]
        if word == "call" and sid not in self.begun:
            self.begun.add(sid)
            paper.call(sid)
        elif word == "called" and sid not in self.begun:
            self.begun.add(sid)
            paper.called(sid, flow=flow)
        elif word[0].isdigit() and ours:
            for text in ours[-8:] if word == "200 all" else ours[-1:]:
                paper.hears(self._response(word, text), flow)
        elif word in ("bye", "reinvite", "update", "offerless", "info", "ack", "ack sdp", "cancel"):
            self._request(word, sid, flow)

    def _response(self, word: str, ours: Text) -> Text:
        status = int(word.split()[0])
        if ours.method == "INVITE" and status < 300:
            return answered(ours, "other" if "fork" in word else "far", "" if status == 180 else ANSWER, status)
        if status == 401:
            return refused(ours, 401, WWW_Authenticate='Digest realm="pbx", nonce="n"')
        return refused(ours, max(status, 200), "Said")

    def _request(self, word: str, sid: str, flow: int) -> None:
        paper = self.paper
        if word == "cancel":
            return paper.hears(request("CANCEL", sid, branch=f"INVITE1{sid}"), flow)
        phase = paper.calls._phases.get(sid) or next(iter(paper.calls._leaving), None)
        if not hasattr(phase, "dialog") and not hasattr(phase, "_dialog"):
            return paper.hears(request(word.split()[0].upper() if word in ("bye", "info") else "INVITE", sid,
                                       to_tag="x", number=self.number), flow)  # fmt: skip
        if not word.startswith("ack"):
            self.number += 1
        method, body = {
            "bye": ("BYE", ""), "reinvite": ("INVITE", THEIRS), "update": ("UPDATE", THEIRS),
            "offerless": ("INVITE", ""), "info": ("INFO", "5"), "ack": ("ACK", ""), "ack sdp": ("ACK", THEIRS),
        }[word]  # fmt: skip
        more: dict[str, Any] = {"body_type": "application/dtmf"} if word == "info" else {}
        number = 1 if word.startswith("ack") and self.number == 1 else self.number
        known = phase.sid if phase.sid in paper.calls._phases else ""
        return paper.hears(within(paper, method, known, number, body=body, **more), flow)


TALKED = st.sampled_from(["nothing", "TJS1", "C1"])


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(STEPS, st.sampled_from(SIDS), st.sampled_from([1, 2])), max_size=25), st.sampled_from([1, 2]),
    TALKED,
)  # fmt: skip
def test_in_whatever_order_things_happen_a_call_ends_once_and_nothing_is_left(
    steps: list[tuple[str, str, int]], edges: int, talked: str
) -> None:
    story = Story(edges)
    paper = story.paper
    if talked in SIDS:  # most of what can happen happens to a call that is answered
        story.begun.add(talked)
        (paper.talk if talked == "TJS1" else paper.listens)(talked)
        steps = [(word, talked if n % 3 else sid, flow) for n, (word, sid, flow) in enumerate(steps)]
    for word, sid, flow in steps:
        story.step(word, sid, min(flow, edges))
        assert len(paper.calls.clients) < 100
    for flow in range(1, edges + 1):
        if not paper.agent.flows[flow].is_open:
            paper.back(flow)
    for sid in SIDS:
        paper.asks(sid, "hang_up", None)
    paper.move(800)

    assert paper.rest == 0
    ends = [payload["callsid"] for name, payload in paper.told if name in ("hangup", "cancel")]
    assert len(ends) == len(set(ends))
    heard_after = {sid: False for sid in SIDS}
    for name, payload in paper.told:
        if name in ("hangup", "cancel"):
            heard_after[payload["callsid"]] = True
        elif "callsid" in payload and name in ("answer", "invite", "ringing", "digit", "hold"):
            assert not heard_after[payload["callsid"]], paper.told


def test_a_box_that_shares_its_instance_with_another_one_is_told_what_to_do() -> None:
    paper = Paper()
    contact = paper._bound[1]
    for _ in range(3):
        paper._bound[1] = contact.replace("flow1.", "flow1.other.")  # has registered meanwhile
        paper.move(250)

    (error,) = [payload["error"] for event, payload in paper.told if event == "error"]
    assert INSTANCE in error["message"] and "leave `instance` out" in error["message"]
    assert paper.agent.status == "ready"

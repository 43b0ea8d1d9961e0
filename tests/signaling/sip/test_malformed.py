"""Requests that cannot be read: what is said to whoever sent them (agent.signaling.sip.malformed)."""

from __future__ import annotations

import logging

import pytest

from agent.signaling.sip.malformed import answerable
from agent.signaling.sip.message import MOST_BYTES, parse_message
from tests.signaling.sip.core import ANSWER, Paper, request, within
from tests.signaling.sip.frames import request as frame
from tests.signaling.sip.frames import response, without

BROKEN = {
    "a length longer than the body": frame("Content-Length: 9999", body="v=0\r\n"),
    "a negative length": frame("Content-Length: -999"),
    "brackets around the Request-URI": frame().replace("sip:kiosk@pbx.example SIP", "<sip:kiosk@pbx.example> SIP"),
    "a blank in the Request-URI": frame().replace("sip:kiosk@pbx.example SIP", "sip:kiosk@pbx.example; lr SIP"),
    "another method in CSeq": frame("CSeq: 8 INVITE"),
    "a Contact that needs brackets": frame("Contact: sip:user@pbx.example?Route=%3Csip:x@y%3E"),
    "a line that is no header": frame().replace("To:", "this is nothing\r\nTo:"),
    "several lengths": frame("Content-Length: 0").removesuffix("\r\n") + "l: 5\r\n\r\nhello",
    "a route that cannot be read": frame("Route: <sip:a"),
}
HOPELESS = {
    "a response": response("Content-Length: 9999"),
    "an ACK": frame("CSeq: 1 ACK", "Content-Length: 9").replace("OPTIONS sip", "ACK sip"),
    "no start": frame("Content-Length: 9").replace("OPTIONS sip:kiosk@pbx.example ", "OPTIONS ", 1),
    "a method that is none": frame("Content-Length: 9").replace("OPTIONS sip", "OPT<IONS sip"),
    **{f"no {name}": without(frame("Content-Length: 9"), name) for name in ("Via", "From", "To", "Call-ID", "CSeq")},
    "a Via that cannot be read": frame("Via: nowhere", "Content-Length: 9"),
    "two Call-IDs": frame("Content-Length: 9").replace("CSeq:", "i: c2\r\nCSeq:"),
    "a Call-ID with a blank": frame("Call-ID: c 1", "Content-Length: 9"),
    "a number too large": frame("CSeq: 36893488147419103232 OPTIONS"),
    "a return within a line": frame("Subject: a\rb"),
    "a great many headers": frame("Content-Length: 9").replace("To:", "X: 1\r\n" * 300 + "To:"),
    "more than is read": frame(body="x" * MOST_BYTES),
    "nothing": "",
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN.keys())
def test_who_can_be_answered_hears_that_it_was_not_understood(text: str) -> None:
    paper = Paper()
    paper.hears(text)

    (_, said), = paper.sent
    asked = dict(line.split(": ", 1) for line in text.split("\r\n\r\n")[0].split("\r\n") if line[:4] in (
        "Via:", "From", "Call", "CSeq"))  # fmt: skip
    assert said.status == 400 and said.start == "SIP/2.0 400 Bad Request"
    assert {name: said.get(name) for name in asked} == asked
    assert said.tag("To")
    assert paper.events == []


def test_who_speaks_another_version_hears_that() -> None:
    paper = Paper()
    paper.hears(frame().replace("SIP/2.0\r\n", "SIP/7.0\r\n", 1))

    assert paper.last("505").start == "SIP/2.0 505 Version Not Supported"


@pytest.mark.parametrize("text", HOPELESS.values(), ids=HOPELESS.keys())
def test_all_others_are_dropped(text: str) -> None:
    paper = Paper()
    paper.hears(text)

    assert answerable(text) is None
    assert paper.sent == [] and paper.events == []


def test_nothing_that_was_not_understood_goes_back() -> None:
    paper = Paper()
    secret = "<script>X-Evil"
    paper.hears(frame(f"Contact: {secret}", f"Subject: {secret}", "Record-Route: <sip:a;lr>", "Content-Length: -1"))

    said = str(paper.last("400"))
    assert "Evil" not in said and "Record-Route" not in said
    assert parse_message(said).call_id == "c1"


def test_bytes_that_are_no_text_do_not_go_back_as_they_came() -> None:
    raw = frame("Content-Length: 9").encode().replace(b"From: ", b'From: "\xff\x00\x1b" ')
    paper = Paper()
    paper.do(paper.agent.flows[1].socket_message(paper.attempts[1], raw, paper.now))

    assert "\x00" not in str(paper.last("400")) and "\ufffd" in paper.last("400").get("From")


def test_a_call_goes_on_whose_far_end_has_said_something_strange() -> None:
    paper = Paper()
    paper.listens("C1")
    paper.hears(str(within(paper, "INVITE", "C1", 2, body=ANSWER)).replace("Content-Length: ", "Content-Length: 9"))
    paper.hears(str(request("ACK", "C1", number=2)).replace("Content-Length: ", "Content-Length: 9"))
    assert paper.said == ["400 INVITE"]
    paper.hears(within(paper, "BYE", "C1", 3))
    assert paper.said == ["400 INVITE", "200 BYE"]


def test_a_flood_of_it_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    paper = Paper()
    for _ in range(50):
        paper.hears(frame("Content-Length: -1"))
        paper.hears("nothing\r\nat all")

    told = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(told) <= 1
    assert all("cannot be read" in record.getMessage() for record in told)
    assert len(paper.said) == 50

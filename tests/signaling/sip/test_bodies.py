"""Which part of a body describes the session (agent.signaling.sip.bodies)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.signaling.sip.bodies import MOST_DEPTH, MOST_PARTS, session_part
from agent.signaling.sip.headers import SipHeaders
from tests.signaling.sip.core import ANSWER, THEIRS, Paper, answered, request, within

MIXED = "multipart/mixed;boundary=cut"
OTHER = "Content-Type: application/isup\r\n\r\n\x01\x02"
SDP = f"Content-Type: application/sdp\r\n\r\n{THEIRS}"
ALIEN = THEIRS.replace("them", "else")


def several(*parts: str, boundary: str = "cut") -> str:
    return "".join(f"--{boundary}\r\n{part}\r\n" for part in parts) + f"--{boundary}--\r\n"


def found(kind: str, body: str, *more: tuple[str, str]) -> str:
    return session_part(SipHeaders((("Content-Type", kind), *more)), body)


@pytest.mark.parametrize("kind", [
    MIXED, 'Multipart/Mixed; boundary="cut"', "multipart/related;type=application/sdp;boundary=cut",
    "multipart/alternative;boundary=cut",
])  # fmt: skip
def test_the_part_that_describes_the_session_is_found(kind: str) -> None:
    assert found(kind, f"for readers of mail\r\n{several(OTHER, SDP)}and more of it") == THEIRS


@pytest.mark.parametrize("part", [
    f"content-type :  Application/SDP ; charset=utf-8\r\nContent-Disposition: session;handling=required\r\n\r\n"
    f"{THEIRS}",
    f"c: application/sdp\r\n\r\n{THEIRS}",
    f"Content-Type:\r\n application/sdp\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <1@a>\r\n\r\n{THEIRS}",
    f"Content-Type: {MIXED.replace('cut', 'within')}\r\n\r\n{several(OTHER, SDP, boundary='within')}",
])  # fmt: skip
def test_however_it_is_written(part: str) -> None:
    assert found(MIXED, several(part, OTHER)) == THEIRS


def test_lines_may_end_without_a_carriage_return() -> None:
    assert found(MIXED, several(SDP).replace("\r\n", "\n")) == THEIRS.replace("\r\n", "\n")


def test_of_alternatives_the_last_one_counts() -> None:
    parts = several(SDP, f"Content-Type: application/sdp\r\n\r\n{ALIEN}", OTHER)

    assert found("multipart/alternative;boundary=cut", parts) == ALIEN


def test_sound_before_the_answer_has_a_description_of_its_own() -> None:
    early = f"Content-Type: application/sdp\r\nContent-Disposition: early-session\r\n\r\n{ALIEN}"

    assert found(MIXED, several(early, SDP)) == THEIRS


@pytest.mark.parametrize(("kind", "body"), [
    ("text/plain", THEIRS),
    (MIXED, several(OTHER)),
    (MIXED, several("\r\nno type at all")),
    (MIXED, several(SDP, SDP)),
    (MIXED, several(SDP, "Content-Type: a/b\r\nContent-Disposition: x;handling=required\r\n\r\n?")),
    (MIXED, several(f"Content-Type: text/plain\r\nContent-Type: application/sdp\r\n\r\n{THEIRS}")),
    (MIXED, several(f"Content-Type: application/sdp\r\nContent-Transfer-Encoding: base64\r\n\r\n{THEIRS}")),
    (MIXED, several(f"Content-Type: application/sdp\r\nContent-Encoding: gzip\r\n\r\n{THEIRS}")),
    (MIXED, several(f"not a header\r\n\r\n{THEIRS}")),
    (MIXED, several(SDP).removesuffix("--\r\n")),
    (MIXED, several(*[OTHER] * MOST_PARTS, SDP)),
    (MIXED, several(SDP, boundary="other")),
    (MIXED, several(SDP).replace("\r\n\r\n--cut--", "--cut--")),
    ("multipart/mixed", several(SDP)),
    ("multipart/mixed;boundary=", several(SDP)),
    (f"multipart/mixed;boundary={'x' * 71}", several(SDP, boundary="x" * 71)),
    ('multipart/mixed;boundary="cut', several(SDP)),
    (MIXED, ""), (MIXED, "--cut"), (MIXED, "--cut--"),
])  # fmt: skip
def test_what_could_be_read_in_two_ways_or_in_none_is_not_taken(kind: str, body: str) -> None:
    assert found(kind, body) == ""


def test_a_body_that_is_packed_is_no_description() -> None:
    assert found("application/sdp", THEIRS) == THEIRS
    assert found("application/sdp", THEIRS, ("Content-Encoding", "gzip")) == ""


@pytest.mark.parametrize(("depth", "is_read"), [(MOST_DEPTH, True), (MOST_DEPTH + 1, False)])
def test_nests_have_an_end(depth: int, is_read: bool) -> None:
    kind, body = "application/sdp", THEIRS
    for level in range(depth):
        body = several(f"Content-Type: {kind}\r\n\r\n{body}", boundary=f"b{level}")
        kind = f"multipart/mixed;boundary=b{level}"

    assert (found(kind, body) == THEIRS) == is_read


@given(st.text(max_size=300), st.text(max_size=100))
def test_whatever_it_is_nothing_raises(body: str, kind: str) -> None:
    session_part(SipHeaders((("Content-Type", kind),)), body)
    session_part(SipHeaders((("Content-Type", MIXED),)), body.replace("!", "--cut\r\n"))


def test_a_call_whose_offer_is_one_of_several_parts_is_taken() -> None:
    paper = Paper()
    paper.hears(request("INVITE", "C1", body=several(OTHER, SDP), body_type=MIXED))
    assert paper.payload("invite")["sdp"] == THEIRS
    paper.asks("C1", "answer", ANSWER)
    paper.hears(within(paper, "ACK", "C1"))
    paper.hears(within(paper, "INVITE", "C1", 2, body=several(SDP, OTHER), body_type=MIXED))
    assert paper.payload("invite") == {"callsid": "C1", "sdp": THEIRS, "instead": True}


def test_so_is_an_answer() -> None:
    paper = Paper()
    paper.call()
    answer = answered(paper.last("INVITE"), body=several(OTHER, SDP)).put("Content-Type", MIXED)
    paper.hears(answer)

    assert paper.payload("answer")["sdp"] == THEIRS


@pytest.mark.parametrize(("body", "kind"), [(several(OTHER), MIXED), ("<xml/>", "application/pidf+xml")])
def test_without_a_description_of_sound_it_is_refused(body: str, kind: str) -> None:
    paper = Paper()
    paper.hears(request("INVITE", "C1", body=body, body_type=kind))

    assert paper.said == ["415 INVITE"]
    assert paper.events == []
    assert "multipart/mixed" in paper.last("415").get("Accept").split(", ")
    assert not paper.last("415").get("Accept-Encoding")


def test_what_is_packed_is_refused_with_what_would_be_taken() -> None:
    """RFC 3261 section 21.4.13: what is told depends on what was wrong."""
    paper = Paper()
    paper.hears(request("INVITE", "C1", body=THEIRS).put("Content-Encoding", "gzip"))

    assert paper.said == ["415 INVITE"]
    assert paper.last("415").get("Accept-Encoding") == "identity"


def test_within_a_call_too_and_the_call_goes_on() -> None:
    paper = Paper()
    paper.hears(request("INVITE", "C1", body=THEIRS))
    paper.asks("C1", "answer", ANSWER)
    paper.hears(within(paper, "ACK", "C1"))
    paper.clear()
    paper.hears(within(paper, "INVITE", "C1", 2, body=several(OTHER), body_type=MIXED))

    assert paper.said == ["415 INVITE"]
    assert "multipart/mixed" in paper.last("415").get("Accept").split(", ")
    assert paper.events == []

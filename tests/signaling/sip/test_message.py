"""One SIP message in one frame: what is read, what is refused, what can never be written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import InvalidArgumentError, ProtocolError
from agent.signaling.sip.header_lines import MOST_LINE_CHARS, MOST_LINES
from agent.signaling.sip.headers import SipHeaders
from agent.signaling.sip.message import MOST_BYTES, SipRequest, SipResponse, parse_message, write_message
from tests.signaling.sip.frames import REQUEST, request, response, without

TOKENS = st.text("ABCxyz019-.!%*_+`'~", min_size=1, max_size=12)
VALUES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60).map(str.strip)
BODIES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=200)
FIRST = parse_message(request()).headers


def test_a_request_is_read_part_by_part():
    message = parse_message(request('From: "Desk" <sip:desk@pbx.example>;tag=a', "Max-Forwards: 70", body="hällo"))

    assert isinstance(message, SipRequest)
    assert (message.method, message.uri, message.body) == ("OPTIONS", "sip:kiosk@pbx.example", "hällo")
    assert (message.call_id, message.cseq.number, message.cseq.method) == ("c1", 1, "OPTIONS")
    assert (message.from_.display, message.from_.uri, message.from_.tag) == ("Desk", "sip:desk@pbx.example", "a")
    assert (message.to.tag, message.via[0].branch, message.headers.first("max-forwards")) == (None, "z9hG4bK1", "70")


@pytest.mark.parametrize(("line", "phrase"), [("SIP/2.0 180 Ringing", "Ringing"), ("SIP/2.0 180 ", ""),
                                              ("SIP/2.0 180", ""), ("sip/2.0 180 läutet", "läutet")])  # fmt: skip
def test_a_response_needs_no_phrase(line, phrase):
    message = parse_message(response().replace("SIP/2.0 200 OK", line))

    assert isinstance(message, SipResponse)
    assert (message.status, message.phrase) == (180, phrase)


def test_bytes_and_text_are_the_same():
    assert parse_message(request(body="ä").encode()) == parse_message(request(body="ä"))


def test_a_line_may_end_without_a_carriage_return_and_go_on_in_the_next_one():
    text = request("Subject: first\r\n\t second").replace("\r\n", "\n")

    assert parse_message(text).headers.first("Subject") == "first second"


def test_a_compact_form_stands_for_the_name():
    text = REQUEST.replace("Via:", "v:").replace("Call-ID:", "I :").replace("From:", "f:").replace("To:", "t:")

    assert parse_message(text + "\r\n").headers.lines == parse_message(request()).headers.lines


def test_a_body_ends_where_its_length_says():
    assert parse_message(request("Content-Length: 4", body="body and more")).body == "body"
    assert parse_message(request("l: 0", body="more")).body == ""
    assert parse_message(request(body="all of it")).body == "all of it"


def test_a_body_length_is_one_of_bytes():
    text = request("Content-Length: 2", body="ä")

    assert parse_message(text).body == "ä"
    assert write_message(parse_message(text)).endswith("Content-Length: 2\r\n\r\nä")


def test_what_is_no_utf8_and_no_character_has_a_mark_in_its_place():
    message = parse_message(request("Subject: T_r").encode().replace(b"T_r", b"T\xfcr\x00") + b"\xff")

    assert (message.headers.first("Subject"), message.body) == ("T\ufffdr\ufffd", "\ufffd")
    assert parse_message(write_message(message)) == parse_message(write_message(message).encode())


@pytest.mark.parametrize("name", ["Via", "From", "To", "Call-ID", "CSeq"])
def test_a_message_without_what_it_must_have_says_so(name):
    with pytest.raises(ProtocolError, match=f"without {name}"):
        parse_message(without(request(), name))


@pytest.mark.parametrize("name", ["From", "To", "Call-ID", "CSeq", "Content-Length", "Max-Forwards", "Content-Type"])
def test_what_may_stand_once_only_is_refused_when_it_stands_twice(name):
    line = next((line for line in REQUEST.splitlines() if line.startswith(f"{name}:")), f"{name}: 0")
    text = request(line).removesuffix("\r\n") + f"{line}\r\n\r\n"

    with pytest.raises(ProtocolError, match=f"more than one {name}"):
        parse_message(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "\r\n\r\n", "\x00", "SIP/2.0", "SIP/2.0 \r\n\r\n", "GET / HTTP/1.1\r\n\r\n",
        request().replace("SIP/2.0\r\n", "SIP/3.0\r\n", 1),
        request().replace(" sip:kiosk", "  sip:kiosk"),
        request().replace("sip:kiosk@pbx.example SIP", "<sip:kiosk@pbx.example> SIP"),
        response().replace("200", "99"), response().replace("200", "700"), response().replace("200", "4294967301"),
        response().replace("200", "２００"),
        request("Content-Length: 5", body="body"), request("Content-Length: -1"), request("Content-Length: 1e3"),
        request("Content-Length: ４", body="body"), request("Content-Length: " + "9" * 5000),
        request("CSeq: 2147483648 OPTIONS"), request("CSeq: x OPTIONS"), request("CSeq: 1"), request("CSeq: 1 INVITE"),
        request("Call-ID: a b"), request("Call-ID:"),
        request('From: "Desk <sip:desk@pbx.example>;tag=a'), request("To: <sip:a@b"), request("To: a b"),
        request("To:"), request("Via: SIP/2.0/WSS"), request("Via: HTTP/1.1 a"), request("Via: ,"),
        request("Contact: <sip:a b@c>"), request("Record-Route: <sip:a\x01@c>"), request("Route: sip"),
        request("no colon in it"), request("bad name: x"), request(": x"),
        request("Subject: a\rb"), " " + request(),
    ],
)  # fmt: skip
def test_what_could_be_understood_in_two_ways_is_refused(text):
    with pytest.raises(ProtocolError):
        parse_message(text)


def test_a_message_has_bounds():
    for text in (
        request(body="x" * MOST_BYTES),
        request("Subject: " + "x" * MOST_LINE_CHARS),
        request("Subject: x" + "\r\n y" * MOST_LINE_CHARS),
        request(*(f"X-{n}: 1" for n in range(MOST_LINES + 1))),
    ):
        with pytest.raises(ProtocolError, match="more than"):
            parse_message(text)


@pytest.mark.parametrize("unfit", ["\r\nX-Other: 1", "\n", "\r", "\x00", "\ud800"])
@pytest.mark.parametrize("place", ["value", "name", "uri", "phrase", "method", "body"])
def test_no_value_brings_a_line_of_its_own(unfit, place):
    headers = FIRST.added("X-Name" + unfit, "a") if place == "name" else FIRST.added("X-Name", "a" + unfit + "b")
    headers = headers if place in ("name", "value") else FIRST
    message = (
        SipResponse(200, f"OK{unfit}", headers)
        if place == "phrase"
        else SipRequest(
            f"INFO{unfit}" if place == "method" else "INFO",
            f"sip:a@b{unfit}" if place == "uri" else "sip:a@b",
            headers,
            unfit if place == "body" else "",
        )
    )
    if place == "body" and unfit != "\ud800":
        assert write_message(message).endswith(f"\r\n\r\n{unfit}")
        return
    with pytest.raises(InvalidArgumentError):
        write_message(message)


@pytest.mark.parametrize("uri", ["", "sip:a b@c", "sip:a@b>", 'sip:"a"@b', "sip:a@b\x7f", "sip:a\u2028@b"])
def test_a_request_goes_only_to_what_can_be_a_uri(uri):
    with pytest.raises(InvalidArgumentError):
        write_message(SipRequest("INFO", uri, FIRST))


@pytest.mark.parametrize("status", [0, 99, 700])
def test_a_status_has_three_digits(status):
    with pytest.raises(InvalidArgumentError):
        write_message(SipResponse(status, "", FIRST))


@given(st.lists(st.tuples(TOKENS.map(lambda name: f"X-{name}"), VALUES), max_size=8), BODIES, TOKENS)
def test_what_is_written_is_read_again(lines, body, method):
    headers = SipHeaders((*FIRST.replaced("CSeq", f"7 {method}").lines, *lines))
    message = SipRequest(method, "sip:a@b", headers, body)

    again = parse_message(write_message(message))

    assert isinstance(again, SipRequest)
    assert (again.method, again.uri, again.body) == (method, "sip:a@b", body)
    assert again.headers.without("Content-Length").lines == tuple(
        (name, value.strip(" \t")) for name, value in headers.lines
    )


@given(st.text(max_size=400) | st.binary(max_size=400))
def test_anything_is_read_or_refused(data):
    try:
        parse_message(data)
    except ProtocolError as exc:
        assert str(exc)


@given(st.text("\"<>,;\\ :@=a\r\n\t", max_size=300))
def test_any_punctuation_is_read_or_refused(value):
    for name in ("From", "Via", "Contact", "Record-Route", "CSeq"):
        try:
            write_message(parse_message(request(f"{name}: {value}")))
        except ProtocolError as exc:
            assert str(exc)

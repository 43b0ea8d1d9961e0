"""Whom a button calls, as people write it."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import InvalidArgumentError
from agent.signaling.sip.message import SipRequest, parse_message, write_message
from agent.signaling.sip.uri import MOST_CHARS, host_and_port, target_uri, user_uri
from tests.signaling.sip.frames import request

DOMAIN = "pbx.example"


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("desk", "sip:desk@pbx.example"),
        ("  desk ", "sip:desk@pbx.example"),
        ("Große Tür", "sip:Gro%C3%9Fe%20T%C3%BCr@pbx.example"),
        ("ドア", "sip:%E3%83%89%E3%82%A2@pbx.example"),
        ("a%41", "sip:a%2541@pbx.example"),
        ("desk;lr", "sip:desk%3Blr@pbx.example"),
        ("desk@other.example", "sip:desk@other.example"),
        ("desk@other.example:5061", "sip:desk@other.example:5061"),
        ("desk@[2001:db8::1]", "sip:desk@[2001:db8::1]"),
        ("a@b@other.example", "sip:a%40b@other.example"),
        ("112", "sip:112@pbx.example"),
        ("12-34", "sip:12-34@pbx.example"),
        ("*98#", "sip:*98%23@pbx.example"),
        ("+49 (30) 123-45", "sip:+493012345@pbx.example"),
        ("030 123 45", "sip:03012345@pbx.example"),
        ("+49 30 1@other.example", "sip:+49301@other.example"),
        ("sip:desk@other.example", "sip:desk@other.example"),
        ("SIP:Große Tür@other.example;transport=ws", "sip:Gro%C3%9Fe%20T%C3%BCr@other.example;transport=ws"),
        ("sips:desk@other.example:5061;lr;x=%20", "sips:desk@other.example:5061;lr;x=%20"),
        ("sip:alice;day=tue@x", "sip:alice;day=tue@x"),
        ("sip:a%20b%zz@x", "sip:a%20b%25zz@x"),
        ("sip:other.example", "sip:other.example"),
        ("sip:k@pbx.example;gr=urn:uuid:c4", "sip:k@pbx.example;gr=urn:uuid:c4"),
        ("tel:+49-30-12345", "sip:+493012345@pbx.example;user=phone"),
        ("TEL:7042;phone-context=pbx.example", "sip:7042;phone-context=pbx.example@pbx.example;user=phone"),
        ("tel:+1(555)1;ext=9", "sip:+15551;ext=9@pbx.example;user=phone"),
    ],
)
def test_what_people_write_becomes_a_uri(text, uri):
    assert target_uri(text, DOMAIN) == uri


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "nobody to call"), ("   ", "nobody to call"), ("x" * (MOST_CHARS + 1), "characters"),
        ("desk\r\nX-Other: 1", "place 5"), ("a\x00", "place 2"), ("a\ud800", "place 2"), ("sip:a@b\n", "place 8"),
        ("http://x", "place 5"), ("client:desk", "place 7"), ("a:b@c", "place 2"),
        ("desk@", "place 6"), ("@host", "names nobody"), ("desk@ho st", "place 8"), ("desk@höst", "place 7"),
        ("desk@host:0", "place 11"), ("desk@host:99999", "place 11"), ("desk@a..b", "place 8"),
        ("desk@[::g]", "place 6"), ("desk@a>b", "place 7"),
        ("sip:", "place 5"), ("sip:@host", "place 5"), ("sip:a@b?Subject=x", "place 8"), ("sip:a@b;x y", "place 10"),
        ("sip:a@b;x=<y>", "place 11"), ("sip:a@b;ü", "place 8"), ("sip:a@b:x", "place 8"),
        ("tel:", "place 5"), ("tel:+", "place 5"), ("tel:030 12", "place 8"), ("tel:abcg", "place 8"),
        ("tel:--", "no number"),
    ],
)  # fmt: skip
def test_what_cannot_be_called_is_refused_with_its_place(text, says):
    with pytest.raises(InvalidArgumentError, match=says):
        target_uri(text, DOMAIN)


@pytest.mark.parametrize("text", ["desk", "tel:+49"])
def test_a_name_needs_a_domain(text):
    with pytest.raises(InvalidArgumentError, match="set domain"):
        target_uri(text, "")


@given(st.text(max_size=60) | st.text("sip:tel@;?<>\" .%\r\n[]+ü", max_size=40))
def test_whatever_is_called_the_request_has_the_lines_that_it_should_have(text):
    try:
        uri = target_uri(text, DOMAIN)
    except InvalidArgumentError as exc:
        assert str(exc)
        return
    headers = parse_message(request()).headers
    written = write_message(SipRequest("OPTIONS", uri, headers))
    assert re.fullmatch(r"sips?:[!-~]+", uri)
    assert len(written.splitlines()) == len(headers.lines) + 3
    message = parse_message(written)
    assert isinstance(message, SipRequest)
    assert message.uri == uri


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=30))
def test_the_name_of_an_account_comes_back(user):
    scheme, _, rest = user_uri(user, DOMAIN).partition(":")
    assert (scheme, unquote(rest.removesuffix(f"@{DOMAIN}"))) == ("sip", user)


@pytest.mark.parametrize("user", ["", "a\r\nb", "a\x00"])
def test_an_account_has_a_name(user):
    with pytest.raises(InvalidArgumentError):
        user_uri(user, DOMAIN)


@pytest.mark.parametrize("domain", ["pbx.example", "pbx", "192.0.2.1:5061", "[2001:db8::1]:5061", "pbx.example."])
def test_a_domain_may_have_a_port(domain):
    assert host_and_port(domain) == domain


@pytest.mark.parametrize("domain", ["", "a b", "a_b", "-a", "a@b", "sip:a", "a:b", "[::1", "::1", "a\n", "[fe80::1%1]"])
def test_a_domain_that_is_none_is_refused(domain):
    with pytest.raises(InvalidArgumentError):
        host_and_port(domain)

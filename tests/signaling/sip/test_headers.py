"""Headers, found without regard to case or form, and lists that are cut only where they may be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.errors import ProtocolError
from agent.signaling.sip.headers import COMPACT, SipHeaders
from agent.signaling.sip.quoting import quoted, split, unquoted

HEADERS = SipHeaders((("Via", "a, b"), ("X-Name", "1"), ("via", "c"), ("Subject", "x, y")))


def test_a_header_is_found_in_any_case_and_form():
    assert HEADERS.values("VIA") == HEADERS.values("v") == ("a, b", "c")
    assert (HEADERS.first("subject"), HEADERS.first("s"), HEADERS.first("Z")) == ("x, y", "x, y", None)
    assert "x-name" in HEADERS
    assert "x-nam" not in HEADERS


def test_a_list_may_stand_in_one_line_or_in_several():
    assert HEADERS.all("Via") == ("a", "b", "c")
    assert SipHeaders((("Allow", "INVITE,Bye"), ("Allow", "x"))).options("allow") == {"invite", "bye", "x"}


def test_a_change_leaves_the_others_and_their_order():
    assert HEADERS.replaced("v", "d", "e").lines == (
        ("v", "d"), ("v", "e"), ("X-Name", "1"), ("Subject", "x, y"),
    )  # fmt: skip
    assert HEADERS.replaced("To", "t").lines == (*HEADERS.lines, ("To", "t"))
    assert HEADERS.replaced("Via").lines == HEADERS.without("v").lines == (("X-Name", "1"), ("Subject", "x, y"))
    assert HEADERS.added("To", "t", "u").lines == (*HEADERS.lines, ("To", "t"), ("To", "u"))
    assert HEADERS.only("Subject", "V").lines == (("Via", "a, b"), ("via", "c"), ("Subject", "x, y"))


def test_each_letter_stands_for_one_name():
    assert len(set(COMPACT.values())) == len(COMPACT)
    for letter, name in COMPACT.items():
        assert SipHeaders(((name, "1"),)).first(letter.upper()) == "1"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('"a, b" <sip:x,y@z>;p="q,r", c', ['"a, b" <sip:x,y@z>;p="q,r"', "c"]),
        ('"a\\", b", c', ['"a\\", b"', "c"]),
        ('"a\\\\", b', ['"a\\\\"', "b"]),
        (" , ,a,, ", ["a"]),
        ("<a,\"b>, c", ['<a,"b>', "c"]),
        ('a "b, c', ['a "b, c']),
        ("a <b, c", ["a <b, c"]),
        ("", []),
    ],
)  # fmt: skip
def test_a_list_is_cut_outside_quotes_and_brackets(text, parts):
    assert split(text, ",") == parts


@given(st.text(max_size=80))
def test_a_quoted_text_is_one_element_and_comes_back(text):
    assert split(f"{quoted(text)}, b", ",") == [quoted(text), "b"]
    assert unquoted(quoted(text)) == text


@pytest.mark.parametrize("text", ['"', '"a', 'a"', '"a"b', '"a\\"', '"a" "b"'])
def test_quotes_that_do_not_fit_are_refused(text):
    with pytest.raises(ProtocolError):
        unquoted(text)

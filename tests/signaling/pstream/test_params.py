"""Call parameters on the wire (spec: signaling 7; oracle 10)."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import InvalidArgumentError
from agent.signaling.pstream.params import (
    MAX_PARAMS_CHARS,
    UNDEFINED,
    decode_params,
    encode_params,
    js_string,
    read_params,
)


def test_values_are_written_as_javascript_writes_them():
    params = {
        "To": "foo",
        "a": UNDEFINED,
        "b": True,
        "c": False,
        "d": "",
        "e": 123,
        "f": "123",
        "g": None,
        "h": "undefined",
        "i": "null",
        "j": 0,
        "k": "0",
        "l": "a$b&c?d=e",
    }
    assert encode_params(params) == (
        "To=foo&a=undefined&b=true&c=false&d=&e=123&f=123&g=null&h=undefined&i=null&j=0&k=0&l=a%24b%26c%3Fd%3De"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [(1e-7, "1e-7"), (-2.5e-8, "-2.5e-8"), (1e-6, "0.000001"), (0.00001234, "0.00001234"), (1.5, "1.5"), (-0.0, "0"),
     (1e16, "10000000000000000"), (123456789012345680000.0, "123456789012345680000"), (1e21, "1e+21"),
     (float("nan"), "NaN"), (float("-inf"), "-Infinity"), ([1, [2, None], True, "x"], "1,2,,true,x"), ([], ""),
     ({"a": 1}, "[object Object]")],
)  # fmt: skip
def test_odd_values_are_written_so_too(value, text):
    assert js_string(value) == text


def test_text_is_percent_encoded_as_utf_8():
    assert encode_params({"n": "我不吃蛋 -_.!~*'()"}) == "n=%E6%88%91%E4%B8%8D%E5%90%83%E8%9B%8B%20-_.!~*'()"


def test_integer_like_keys_come_first():
    assert encode_params({"b": 1, "10": 2, "2": 3, "01": 4}) == "2=3&10=2&b=1&01=4"


def test_no_parameters_make_an_empty_text():
    assert encode_params({}) == ""


def test_more_parameters_than_a_frame_holds_are_refused():
    room = MAX_PARAMS_CHARS - len("a=")
    assert decode_params(encode_params({"a": "x" * room})) == {"a": "x" * room}
    for params in ({"a": "x" * (room + 1)}, {"a": "ü" * room}, {str(n): "" for n in range(MAX_PARAMS_CHARS)}):
        with pytest.raises(InvalidArgumentError, match="fewer or shorter"):
            encode_params(params)


@pytest.mark.parametrize(
    ("text", "params"),
    [
        (None, {}),
        ("", {}),
        ("foo=bar", {"foo": "bar"}),
        ("123=123", {"123": "123"}),
        ("f+oo=ba+r&b+ar=fo+o", {"f+oo": "ba r", "b+ar": "fo o"}),
        ("f%2Boo=ba%2Br", {"f%2Boo": "ba+r"}),
        ("foo=&bar=", {"foo": "", "bar": ""}),
        ("foo=bar&foo=baz&bar=%E6%88%91%E4%B8%8D%E5%90%83%E8%9B%8B", {"foo": "baz", "bar": "我不吃蛋"}),
        ("foo", {"foo": ""}),
        ("foo=b=c", {"foo": "b"}),
        ("=x", {}),
        ("a=1&&b=2", {"a": "1", "b": "2"}),
    ],
)
def test_parameters_of_an_incoming_call_are_decoded(text, params):
    assert decode_params(text) == params


@pytest.mark.parametrize("value", ["%zz", "%", "50%", "%E6%88", "a+%zz"])
def test_a_broken_percent_sequence_is_kept_as_it_is(value):
    assert decode_params(f"a={value}&b=1") == {"a": value, "b": "1"}


@settings(deadline=None)
@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.text(st.characters(exclude_categories=["Cs"]))))
def test_what_is_encoded_can_be_decoded(params):
    assert decode_params(encode_params(params)) == params


@settings(deadline=None)
@given(st.text())
def test_any_text_can_be_decoded(text):
    assert all(decode_params(text))


@settings(deadline=None)
@given(st.dictionaries(st.text(), st.text() | st.integers() | st.floats() | st.booleans() | st.none()))
def test_what_is_passed_on_piece_by_piece_says_the_same(params):
    text = encode_params(params)
    pieces = [param.text for param in read_params(text)]
    assert decode_params("&".join(pieces)) == decode_params(text)
    assert "&".join(pieces) == text or "" in params

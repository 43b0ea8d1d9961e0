"""One wire, one reader: the switchboard refuses what the client refuses, and passes on only what it can read."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.errors import InvalidArgumentError
from agent.log import SeldomLog
from agent.signaling.pstream.core import PStream
from agent.signaling.pstream.effects import Emit, LinkMessage, LinkOpened
from agent.signaling.pstream.messages import MAX_DEPTH, MAX_FRAME_CHARS, Dialect, frame
from agent.signaling.pstream.params import decode_params, encode_params
from agent.switchboard.client_session import ClientSession
from agent.switchboard.dial_params import DialParams, invite_parameters, split_params
from agent.switchboard.effects import CallRequest, SendText
from agent.switchboard.grant import Grant
from agent.switchboard.settings import SwitchboardSettings

SETTINGS = SwitchboardSettings(frames_per_s=1000)

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["\ud800", "\udfff", "a\ud83dz", "\U0001f600", 1e308, 10**400])
)  # fmt: skip
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
members = st.dictionaries(st.sampled_from(["callsid", "sdp", "parameters", "x", "y"]), values, max_size=4)
deep = st.integers(1, 3 * MAX_DEPTH).map(lambda n: json.loads("[" * n + "]" * n))
NUMBERS = {"NaN": False, "Infinity": False, "-Infinity": False, "1e999": False, "-1E400": False,
           "1e308": True, "-0": True, "0.1": True, "5" * 400: True, "5" * 5000: False}  # fmt: skip


def grant(token: str) -> Grant:
    return Grant(token, "AC1", ttl_s=100.0, may_call=True, may_register=True)


def client_reads(text: str) -> bool:
    """Whether the client takes a `ringing` whose text this is."""
    stream = PStream("t", {})
    stream.hear(LinkOpened())
    return any(isinstance(effect, Emit) for effect in stream.hear(LinkMessage(text)))


def switchboard_reads(text: str) -> bool:
    """Whether the switchboard takes it for a request about a call."""
    session = ClientSession(1, SETTINGS, grant, 0.0, SeldomLog(logging.getLogger(__name__)))
    session.receive(frame("listen", {"token": "alice"}), 0.0)
    return any(isinstance(effect, CallRequest) for effect in session.receive(text, 0.0))


def assert_same(rest: str, reads: bool | None = None) -> None:
    """`rest` is the text of a frame but for its type; each end hears it with a type of its own."""
    verdicts = client_reads(f'{{"type":"ringing"{rest}'), switchboard_reads(f'{{"type":"hangup"{rest}')
    assert verdicts in ([(True, True), (False, False)] if reads is None else [(reads, reads)])


@settings(max_examples=500, deadline=None)
@given(members | values, st.booleans())
def test_both_ends_take_the_same_payloads(payload: Any, ascii_only: bool) -> None:
    assert_same(f',"payload":{json.dumps(payload, ensure_ascii=ascii_only)}}}')


@settings(max_examples=300, deadline=None)
@given(members, values, st.text(max_size=6))
def test_both_ends_take_the_same_frames_with_anything_beside_the_payload(payload: Any, extra: Any, tail: str) -> None:
    assert_same(f',"extra":{json.dumps(extra)},"payload":{json.dumps(payload)}}}{tail}')


@settings(deadline=None)
@given(deep)
def test_both_ends_take_the_same_depths(value: Any) -> None:
    assert_same(f',"payload":{{"x":{json.dumps(value)}}}}}')


@pytest.mark.parametrize(("number", "reads"), NUMBERS.items())
def test_both_ends_take_the_same_numbers(number: str, reads: bool) -> None:
    assert_same(f',"payload":{{"x":[{number}]}}}}', reads)


@pytest.mark.parametrize(
    "rest",
    [
        ',"payload":{"x":NaN}}',
        ',"payload":{"x":1e999}}',
        ',"payload":{"x":"\\ud800"}}',
        ',"payload":{"\\udc00":1}}',
        ',"payload":{"x":' + "[" * 500 + "]" * 500 + "}}",
        ',"payload":{"x":' + '{"a":' * 500 + "1" + "}" * 500 + "}}",
        ',"payload":{"x":' + "[" * 100_000,
        ',"payload":{"x":"' + "a" * MAX_FRAME_CHARS + '"}}',
        ',"payload":{"callsid":5}}',
        ',"payload":{"callsid":["CA1"]}}',
        ',"payload":{"sdp":{}}}',
        ',"payload":{"parameters":[]}}',
        ',"payload":[]}',
        ',"payload":"x"}',
        ',"payload":{"x":' + "1" * 5000 + "}}",
        ',"payload":{}',
        "",
    ],
)
def test_both_ends_refuse(rest: str) -> None:
    assert_same(rest, reads=False)


@pytest.mark.parametrize("rest", ["}", ',"payload":null}', ',"payload":{"callsid":null,"sdp":null}}', ',"version":9}'])
def test_both_ends_take(rest: str) -> None:
    assert_same(rest, reads=True)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(["a", "x", "y"]), values, max_size=3), st.sampled_from(Dialect))
def test_what_one_end_words_the_other_end_reads(payload: Any, dialect: Dialect) -> None:
    try:
        frames = [frame(type_, payload, dialect) for type_ in ("ringing", "hangup")]
    except InvalidArgumentError:
        return
    is_whole = not any(0xD800 <= ord(char) <= 0xDFFF for char in json.dumps(payload, ensure_ascii=False))
    assert (client_reads(frames[0]), switchboard_reads(frames[1])) == (is_whole, is_whole)


def test_what_is_passed_on_is_text_that_javascript_reads() -> None:
    """Every frame that leaves is JSON without the words that only Python knows."""
    session = ClientSession(1, SETTINGS, grant, 0.0, SeldomLog(logging.getLogger(__name__)))
    session.receive('{"type":"listen","version":"1.6","payload":{"token":"alice"}}', 0.0)
    text = '{"type":"message","payload":{"callsid":"CA1","content":{"n":[1e308,"ü\\ud83d\\ude00"]}}}'
    (request,) = session.receive(text, 0.0)
    assert isinstance(request, CallRequest)
    passed_on = session.say("message", request.message.payload)
    assert isinstance(passed_on, SendText)

    def refuse(word: str) -> None:
        raise AssertionError(word)

    assert json.loads(passed_on.text, parse_constant=refuse)["payload"]["content"] == {"n": [1e308, "ü\U0001f600"]}


# Parameters of a call, from the caller through the switchboard to the callee

plain_keys = st.from_regex(r"[A-Za-z][A-Za-z0-9_.-]{0,7}", fullmatch=True).filter(lambda key: key != "To")
plain_values = st.text(st.characters(exclude_categories=["Cs"]))


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.dictionaries(plain_keys, plain_values))
def test_the_callee_reads_what_the_caller_wrote(target: str, params: dict[str, str]) -> None:
    dialled = split_params(encode_params({"To": target, **params}))
    assert dialled.target == target.removeprefix("client:")
    told = invite_parameters(dialled, "alice", "AC1")
    assert decode_params(told.get("Params")) == params


@settings(deadline=None)
@given(st.text())
def test_both_ends_decode_any_text_alike(text: str) -> None:
    read = decode_params(text)
    target = read.pop("To", "").removeprefix("client:")
    dialled = split_params(text)
    assert dialled == DialParams(target, dialled.rest)
    assert decode_params(dialled.rest) == read

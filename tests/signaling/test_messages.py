"""Frames of the client as the seed writes them, frames of the server as they may come (spec: signaling 7, 8)."""

from __future__ import annotations

import json

import pytest

from agent.errors import ProtocolError
from agent.signaling import messages
from agent.signaling.browserinfo import browserinfo
from agent.signaling.messages import MAX_FRAME_CHARS, frame, parse

SDP = "v=0\r\n"


@pytest.mark.parametrize(
    ("type_", "payload", "text"),
    [
        ("register", messages.register(True), '{"media":{"audio":true}}'),
        (
            "invite",
            messages.invite(SDP, "TJS1", False, "To=bob&x=1"),
            '{"callsid":"TJS1","sdp":"v=0\\r\\n","preflight":false,"twilio":{"params":"To=bob&x=1"}}',
        ),
        (
            "invite",
            messages.invite(SDP, "TJS1", True, ""),
            '{"callsid":"TJS1","sdp":"v=0\\r\\n","preflight":true,"twilio":{}}',
        ),
        ("answer", messages.describe(SDP, "CA1"), '{"sdp":"v=0\\r\\n","callsid":"CA1"}'),
        ("reinvite", messages.describe(SDP, "CA1"), '{"sdp":"v=0\\r\\n","callsid":"CA1"}'),
        ("dtmf", messages.dtmf("CA1", "12w#"), '{"callsid":"CA1","dtmf":"12w#"}'),
        ("dtmf", messages.dtmf(None, "1"), '{"dtmf":"1"}'),
        ("hangup", messages.hangup("CA1", None), '{"callsid":"CA1"}'),
        ("hangup", messages.hangup("CA1", ""), '{"callsid":"CA1"}'),
        ("hangup", messages.hangup("CA1", "gone"), '{"callsid":"CA1","message":"gone"}'),
        ("reject", messages.reject("CA1"), '{"callsid":"CA1"}'),
        ("reject", messages.reject(None), "{}"),
        ("foo", {"a": None}, '{"a":null}'),
    ],
)
def test_a_frame_has_its_members_in_the_seed_s_order(type_, payload, text):
    assert frame(type_, payload) == f'{{"type":"{type_}","version":"1.5","payload":{text}}}'


def test_a_frame_without_a_payload_leaves_it_out():
    assert frame("foo", None) == '{"type":"foo","version":"1.5"}'


def test_listen_names_the_client():
    payload = json.loads(frame("listen", messages.listen("token", browserinfo())))["payload"]
    assert list(payload) == ["token", "browserinfo"]
    assert list(payload["browserinfo"]) == ["p", "v", "browser", "plugin"]
    assert payload["browserinfo"]["v"] == "1.15.1"


def test_text_outside_ascii_is_not_escaped_but_half_characters_are():
    assert frame("foo", {"a": "ü我\x7f\u2028\x01\ud800"}).endswith('{"a":"ü我\x7f\u2028\\u0001\\ud800"}}')


def test_a_frame_of_the_server_is_its_type_and_its_payload():
    message = parse('{"type":"answer","version":"1.5","payload":{"callsid":"CA1","sdp":"v=0","more":[1]}}')
    assert (message.type, message.payload) == ("answer", {"callsid": "CA1", "sdp": "v=0", "more": [1]})


@pytest.mark.parametrize(
    "text", ['{"type":"ready"}', '{"type":"ready","payload":null}', '{"type":"ready","payload":{}}']
)
def test_a_missing_payload_is_an_empty_one(text):
    assert parse(text).payload == {}


def test_null_members_count_as_missing():
    assert parse('{"type":"hangup","payload":{"callsid":null,"error":null}}').payload == {}


def test_a_location_of_the_wrong_type_is_left_out():
    assert parse('{"type":"connected","payload":{"region":5,"gateway":"g"}}').payload == {"gateway": "g"}


def test_call_parameters_are_strings():
    text = '{"type":"invite","payload":{"parameters":{"From":"a","n":5,"b":true,"o":{},"l":[],"z":null}}}'
    assert parse(text).payload["parameters"] == {"From": "a", "n": "5", "b": "true"}


@pytest.mark.parametrize("error", ['"x"', "[]", '{"code":"1"}', '{"code":1.5}', '{"code":true}', '{"message":{}}'])
def test_a_hang_up_whose_reason_cannot_be_read_is_still_a_hang_up(error):
    assert parse(f'{{"type":"hangup","payload":{{"callsid":"CA1","error":{error}}}}}').payload == {"callsid": "CA1"}


@pytest.mark.parametrize(
    "data",
    [
        b"{}",
        "",
        "x",
        "{",
        "[]",
        "null",
        "{}",
        '{"type":null}',
        '{"type":5}',
        '{"type":"invite","payload":[]}',
        '{"type":"invite","payload":"x"}',
        '{"type":"invite","payload":{"callsid":5}}',
        '{"type":"invite","payload":{"sdp":{}}}',
        '{"type":"invite","payload":{"parameters":"x"}}',
        '{"type":"error","payload":{"error":"x"}}',
        '{"type":"ready","payload":{"x":NaN}}',
        '{"type":"ready","payload":{"x":"\\ud800"}}',
        '{"type":"ready","payload":' + '{"a":' * 20 + "1" + "}" * 21,
        "[" * 100_000,
        '{"type":"ready","payload":{"n":[' + "[]," * 5_000 + "1]}}",
        '{"type":"ready","payload":{"n":' + "1" * 5000 + "}}",
        '{"type":"ready","x":"' + "x" * MAX_FRAME_CHARS + '"}',
    ],
)
def test_a_frame_that_makes_no_sense_is_refused_without_being_quoted(data):
    with pytest.raises(ProtocolError) as caught:
        parse(data)
    assert len(str(caught.value)) < 100
